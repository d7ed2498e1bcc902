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

precinct_contests as (

    select * from {{ ref('int_precinct_contests_expected') }}

),

areas_placed as (

    select * from {{ ref('int_precincts_placed') }}

    where reporting_unit_id <> precinct_id

),

tallies as (

    select * from {{ ref('stg_ledger__tallies') }}

),

area_contests as (

    select distinct
        areas_placed.election_id,
        areas_placed.reporting_unit_id,
        precinct_contests.contest_id

    from areas_placed

    inner join precinct_contests using (election_id, precinct_id)

),

votes_grouped_by_area as (

    select
        areas_placed.election_id,
        areas_placed.reporting_unit_id,
        tallies.contest_id,
        tallies.candidate_id,
        sum(tallies.vote_count)::bigint as vote_count

    from areas_placed

    inner join tallies using (election_id, precinct_id)

    group by areas_placed.election_id, areas_placed.reporting_unit_id, tallies.contest_id, tallies.candidate_id

),

candidates_with_votes as (

    select
        elections.election_id,
        elections.position,
        area_contests.reporting_unit_id,
        contests.contest_id,
        contests.votes_allowed,
        candidates.candidate_id,
        candidates.is_write_in,
        coalesce(votes_grouped_by_area.vote_count, 0)::bigint as vote_count

    from elections

    inner join area_contests using (election_id)

    inner join contests using (election_id, contest_id)

    inner join candidates using (election_id, contest_id)

    left join votes_grouped_by_area using (election_id, reporting_unit_id, contest_id, candidate_id)

    where elections.is_published

),

candidates_compared as (

{{ candidates_compared('candidates_with_votes', places=['reporting_unit_id']) }}

),

area_results as (

    select
        election_id,
        reporting_unit_id,
        contest_id,
        candidate_id,
        vote_count,
        vote_share,
        rank,
        is_tied,
        margin_count,
        margin_share,
        position

    from candidates_compared

)

select * from area_results
