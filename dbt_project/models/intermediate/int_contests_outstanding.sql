with

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

contests_registered as (

    select * from {{ ref('int_contests_registered') }}

),

contest_ballots_added_up as (

    select * from {{ ref('int_contest_ballots_added_up') }}

),

precinct_contests as (

    select * from {{ ref('int_precinct_contests_expected') }}

),

precincts_counted as (

    select * from {{ ref('int_precincts_counted') }}

),

elections as (

    select * from {{ ref('int_elections_judged') }}

),

ballots_outstanding as (

    select
        precinct_contests.election_id,
        precinct_contests.contest_id,
        case
            when bool_and(precincts_counted.expected_ballot_count is not null)
                then sum(greatest(precincts_counted.expected_ballot_count - precincts_counted.ballot_count, 0))
        end::bigint as expected_outstanding_count

    from precinct_contests

    inner join precincts_counted using (election_id, precinct_id)

    group by precinct_contests.election_id, precinct_contests.contest_id

),

contests_outstanding as (

    select
        contests.election_id,
        contests.contest_id,
        coalesce(contest_ballots_added_up.ballot_count, 0)::bigint as ballot_count,
        contests_registered.registered_voter_count,
        contests_registered.registered_voter_count - coalesce(contest_ballots_added_up.ballot_count, 0)
            as outstanding_count,
        ballots_outstanding.expected_outstanding_count,
        elections.quarantined_count,
        -- `least` passes nulls by: a bound that is not known is none. The quarantined may lie beyond the expected ones.
        least(
            contests_registered.registered_voter_count - coalesce(contest_ballots_added_up.ballot_count, 0),
            ballots_outstanding.expected_outstanding_count + elections.quarantined_count
        ) as countable_count

    from contests

    inner join elections using (election_id)

    left join contests_registered using (election_id, contest_id)

    left join contest_ballots_added_up using (election_id, contest_id)

    left join ballots_outstanding using (election_id, contest_id)

)

select * from contests_outstanding
