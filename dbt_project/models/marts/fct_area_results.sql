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

votes as (

    select * from {{ ref('int_votes_united') }}

),

area_contests as (

    select distinct
        areas_placed.election_id,
        areas_placed.reporting_unit_id,
        precinct_contests.contest_id

    from areas_placed

    inner join precinct_contests using (election_id, precinct_id)

),

votes_united_with_none as (

    -- Joined to its votes, each candidate would have them added up anew wherever the planner expects one row.
    select
        area_contests.election_id,
        area_contests.reporting_unit_id,
        area_contests.contest_id,
        candidates.candidate_id,
        0 as vote_count,
        0 as adjustment_count

    from area_contests

    inner join candidates using (election_id, contest_id)

    union all

    select
        areas_placed.election_id,
        areas_placed.reporting_unit_id,
        votes.contest_id,
        votes.candidate_id,
        votes.vote_count,
        votes.adjustment_count

    from areas_placed

    inner join votes using (election_id, precinct_id)

),

votes_grouped_by_area as (

    select
        election_id,
        reporting_unit_id,
        contest_id,
        candidate_id,
        sum(vote_count)::bigint as vote_count,
        sum(adjustment_count)::bigint as adjustment_count

    from votes_united_with_none

    group by election_id, reporting_unit_id, contest_id, candidate_id

),

candidates_with_votes as (

    select
        elections.election_id,
        elections.position,
        votes_grouped_by_area.reporting_unit_id,
        contests.contest_id,
        contests.votes_allowed,
        candidates.candidate_id,
        candidates.is_write_in,
        votes_grouped_by_area.vote_count,
        votes_grouped_by_area.adjustment_count,
        votes_grouped_by_area.vote_count + votes_grouped_by_area.adjustment_count as adjusted_vote_count

    from elections

    inner join votes_grouped_by_area using (election_id)

    inner join contests using (election_id, contest_id)

    inner join candidates using (election_id, contest_id, candidate_id)

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
        adjustment_count,
        adjusted_vote_count,
        vote_share,
        rank,
        is_tied,
        is_leading,
        margin_count,
        margin_share,
        position,
        {{ key_of(['election_id', 'contest_id', 'candidate_id']) }} as candidate_key,
        {{ key_of(['election_id', 'reporting_unit_id']) }} as reporting_unit_key

    from candidates_compared

)

select * from area_results
