with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

precinct_contests as (

    select * from {{ ref('int_precinct_contests_expected') }}

),

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

election_methods as (

    select * from {{ ref('stg_registry__election_methods') }}

),

votes as (

    select * from {{ ref('int_votes_united') }}

),

-- Added to the votes and not joined with them: the planner takes a join on five columns for one row, and loops over
-- both sides (560 ms instead of 15 for a county).
cells_expected as (

    select
        election_id,
        contest_id,
        candidates.candidate_id,
        precinct_contests.precinct_id,
        election_methods.method,
        0::bigint as vote_count,
        0::bigint as adjustment_count

    from precinct_contests

    inner join candidates using (election_id, contest_id)

    inner join election_methods using (election_id)

),

cells_united as (

    select * from cells_expected

    union all

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        vote_count,
        adjustment_count

    from votes

),

cells_added_up as (

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        sum(vote_count)::bigint as vote_count,
        sum(adjustment_count)::bigint as adjustment_count

    from cells_united

    group by election_id, contest_id, candidate_id, precinct_id, method

),

candidate_results as (

    select
        cells_added_up.*,
        cells_added_up.vote_count + cells_added_up.adjustment_count as adjusted_vote_count,
        elections.position,
        {{ key_of(['election_id', 'contest_id', 'candidate_id'], of='cells_added_up') }} as candidate_key,
        {{ key_of(['election_id', 'precinct_id'], of='cells_added_up') }} as reporting_unit_key

    from cells_added_up

    inner join elections using (election_id)

    where elections.is_published

)

select * from candidate_results
