with

positions as (

    select
        election_id,
        position,
        counted_count,
        rejected_count,
        quarantined_count,
        hole_count,
        last_appended_at,
        committed_at,
        recount

    from {{ source('ledger', 'positions') }}

)

select * from positions
