with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

tallies_added_up as (

    select * from {{ ref('int_tallies_added_up') }}

),

candidates_with_votes as (

    select
        elections.election_id,
        elections.position,
        contests.contest_id,
        contests.votes_allowed,
        candidates.candidate_id,
        candidates.is_write_in,
        coalesce(tallies_added_up.vote_count, 0)::bigint as vote_count,
        coalesce(tallies_added_up.adjustment_count, 0)::bigint as adjustment_count,
        (coalesce(tallies_added_up.vote_count, 0) + coalesce(tallies_added_up.adjustment_count, 0))::bigint
            as adjusted_vote_count

    from elections

    inner join contests using (election_id)

    inner join candidates using (election_id, contest_id)

    left join tallies_added_up using (election_id, contest_id, candidate_id)

    where elections.is_published

),

candidates_compared as (

{{ candidates_compared('candidates_with_votes') }}

),

contest_results as (

    select
        election_id,
        contest_id,
        candidate_id,
        vote_count,
        adjustment_count,
        adjusted_vote_count,
        vote_share,
        rank,
        is_tied,
        is_leading,
        margin_count,
        margin_share,
        position,
        {{ key_of(['election_id', 'contest_id', 'candidate_id']) }} as candidate_key

    from candidates_compared

)

select * from contest_results
