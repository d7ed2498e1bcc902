with

runs as (

    select
        election_id,
        started_at,
        heartbeat_at,
        ended_at,
        ended_why,
        log_end,
        log_end_at,
        batch_p50_ms,
        batch_p95_ms,
        message_count,
        batch_seconds

    from {{ source('ledger', 'runs') }}

)

select * from runs
