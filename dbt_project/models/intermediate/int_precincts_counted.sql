with

reporting_units as (

    select
        election_id,
        reporting_unit_id as precinct_id

    from {{ ref('stg_registry__reporting_units') }}

    where is_precinct

),

ballot_counts as (

    select * from {{ ref('stg_ledger__ballot_counts') }}

),

ballots_expected as (

    select * from {{ ref('int_ballots_expected') }}

),

ballots_grouped_by_precinct as (

    select
        election_id,
        precinct_id,
        sum(ballot_count)::bigint as ballot_count

    from ballot_counts

    group by election_id, precinct_id

),

precincts_counted as (

    select
        reporting_units.election_id,
        reporting_units.precinct_id,
        coalesce(ballots_grouped_by_precinct.ballot_count, 0) as ballot_count,
        ballots_expected.expected_ballot_count,
        case
            when coalesce(ballots_grouped_by_precinct.ballot_count, 0) >= ballots_expected.expected_ballot_count
                then 'all'
            when ballots_grouped_by_precinct.ballot_count > 0 then 'some'
            else 'none'
        end as progress

    from reporting_units

    left join ballots_grouped_by_precinct using (election_id, precinct_id)

    left join ballots_expected using (election_id, precinct_id)

)

select * from precincts_counted
