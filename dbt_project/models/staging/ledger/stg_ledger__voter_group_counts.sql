with

voter_group_counts as (

    select
        election_id,
        reporting_unit_id,
        age_group,
        gender,
        ballot_count

    from {{ source('ledger', 'voter_group_counts') }}

)

select * from voter_group_counts
