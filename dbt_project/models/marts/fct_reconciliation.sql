with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

precinct_contests as (

    select * from {{ ref('int_precinct_contests_expected') }}

),

election_methods as (

    select * from {{ ref('stg_registry__election_methods') }}

),

contest_ballots as (

    select * from {{ ref('stg_ledger__contest_ballots') }}

),

votes as (

    select * from {{ ref('int_votes_united') }}

),

official_votes_added_up as (

    select * from {{ ref('int_official_votes_added_up') }}

),

-- United and added up, not joined, for the reason given in fct_candidate_results.
cells_united as (

    select
        precinct_contests.election_id,
        precinct_contests.contest_id,
        precinct_contests.precinct_id,
        election_methods.method,
        0::bigint as ballot_count,
        0::bigint as vote_count,
        0::bigint as adjustment_count,
        0::bigint as undervote_count,
        0::bigint as overvote_count,
        null::bigint as official_vote_count,
        null::bigint as replayed_vote_count

    from precinct_contests

    inner join election_methods using (election_id)

    union all

    select
        election_id,
        contest_id,
        precinct_id,
        method,
        ballot_count,
        0,
        0,
        undervote_count,
        overvote_count,
        null,
        null

    from contest_ballots

    union all

    select
        election_id,
        contest_id,
        precinct_id,
        method,
        0,
        vote_count,
        adjustment_count,
        0,
        0,
        null,
        null

    from votes

    union all

    -- Totals beside methods say the same again.
    select
        official_votes_added_up.election_id,
        official_votes_added_up.contest_id,
        official_votes_added_up.precinct_id,
        official_votes_added_up.method,
        0,
        0,
        0,
        0,
        0,
        official_votes_added_up.official_vote_count,
        official_votes_added_up.replayed_vote_count

    from official_votes_added_up

    inner join election_methods using (election_id, method)

),

cells_added_up as (

    select
        election_id,
        contest_id,
        precinct_id,
        method,
        sum(ballot_count)::bigint as ballot_count,
        sum(vote_count)::bigint as vote_count,
        sum(adjustment_count)::bigint as adjustment_count,
        sum(undervote_count)::bigint as undervote_count,
        sum(overvote_count)::bigint as overvote_count,
        sum(official_vote_count)::bigint as official_vote_count,
        sum(replayed_vote_count)::bigint as replayed_vote_count

    from cells_united

    group by election_id, contest_id, precinct_id, method

),

reconciliation as (

    select
        cells_added_up.election_id,
        cells_added_up.contest_id,
        cells_added_up.precinct_id,
        cells_added_up.method,
        contests.votes_allowed,
        cells_added_up.ballot_count,
        cells_added_up.vote_count,
        cells_added_up.adjustment_count,
        cells_added_up.undervote_count,
        cells_added_up.overvote_count,
        cells_added_up.ballot_count * contests.votes_allowed
        = cells_added_up.vote_count + cells_added_up.undervote_count + cells_added_up.overvote_count as is_balanced,
        cells_added_up.official_vote_count,
        cells_added_up.vote_count + cells_added_up.adjustment_count - cells_added_up.official_vote_count
            as difference_count,
        cells_added_up.vote_count = cells_added_up.replayed_vote_count as is_reproduced,
        elections.position,
        {{ key_of(['election_id', 'contest_id'], of='cells_added_up') }} as contest_key,
        {{ key_of(['election_id', 'precinct_id'], of='cells_added_up') }} as reporting_unit_key

    from cells_added_up

    inner join elections using (election_id)

    inner join contests using (election_id, contest_id)

    where elections.is_published

)

select * from reconciliation
