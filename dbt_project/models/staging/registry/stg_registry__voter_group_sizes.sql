with

voter_group_sizes as (

    select
        election_id,
        reporting_unit_id,
        age_group,
        gender,
        voter_count

    from {{ source('registry', 'voter_group_sizes') }}

)

select * from voter_group_sizes
