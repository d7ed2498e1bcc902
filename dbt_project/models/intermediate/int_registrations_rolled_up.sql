with

reporting_units as (

    select
        election_id,
        reporting_unit_id

    from {{ ref('stg_registry__reporting_units') }}

),

precincts_placed as (

    select * from {{ ref('int_precincts_placed') }}

),

registrations as (

    select * from {{ ref('int_registrations_added_up') }}

),

registrations_rolled_up as (

    select
        reporting_units.election_id,
        reporting_units.reporting_unit_id,
        {{ sum_if_all_known('registrations.registered_voter_count', of='registrations.precinct_id') }}
            as registered_voter_count

    from reporting_units

    left join precincts_placed using (election_id, reporting_unit_id)

    left join registrations using (election_id, precinct_id)

    group by reporting_units.election_id, reporting_units.reporting_unit_id

)

select * from registrations_rolled_up
