with

reporting_units as (

    select
        election_id,
        reporting_unit_id,
        reporting_unit_name,
        reporting_unit_type,
        reporting_unit_type = 'precinct' as is_precinct,
        parent_id,
        registered_voter_count::bigint as registered_voter_count

    from {{ source('registry', 'reporting_units') }}

)

select * from reporting_units
