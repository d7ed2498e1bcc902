with

elections as (

    select
        election_id,
        election_name,
        election_date,
        election_type,
        status,
        publish,
        is_test,
        opens_at,
        closes_at,
        opened_at,
        source,
        registry_hash

    from {{ source('registry', 'elections') }}

)

select * from elections
