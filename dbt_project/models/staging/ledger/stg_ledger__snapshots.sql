with

snapshots as (

    select
        election_id,
        taken_at,
        recount,
        position

    from {{ source('ledger', 'snapshots') }}

)

select * from snapshots
