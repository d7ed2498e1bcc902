with

verifications as (

    select
        election_id,
        verified_at,
        position,
        has_passed

    from {{ source('audit', 'verifications') }}

)

select * from verifications
