with

reporting_units as (

    select * from {{ ref('stg_registry__reporting_units') }}

),

registrations_rolled_up as (

    select * from {{ ref('int_registrations_rolled_up') }}

),

reporting_units_described as (

    select
        reporting_units.election_id,
        reporting_units.reporting_unit_id,
        reporting_units.reporting_unit_name,
        reporting_units.reporting_unit_type,
        reporting_units.parent_id,
        reporting_units.is_precinct,
        registrations_rolled_up.registered_voter_count,
        {{ key_of(['election_id', 'reporting_unit_id'], of='reporting_units') }} as reporting_unit_key

    from reporting_units

    inner join registrations_rolled_up using (election_id, reporting_unit_id)

)

select * from reporting_units_described
