with

elections as (

    select
        election_id,
        opened_at

    from {{ ref('stg_registry__elections') }}

),

positions as (

    select * from {{ ref('stg_ledger__positions') }}

),

runs as (

    select * from {{ ref('stg_ledger__runs') }}

),

verifications as (

    select * from {{ ref('stg_audit__verifications') }}

),

count_health as (

    select
        elections.election_id,
        -- A run is taken for dead when its heartbeat, every three seconds, is missing for fifteen.
        coalesce(runs.ended_at is null and runs.heartbeat_at > now() - interval '15 seconds', false) as is_running,
        runs.started_at,
        runs.ended_at,
        runs.ended_why,
        coalesce(positions.position, 0)::bigint as position,
        runs.log_end,
        runs.log_end_at,
        -- What a run saw of the log may be older than what it judged since.
        case when runs.log_end is not null then greatest(runs.log_end - coalesce(positions.position, 0), 0) end
            as lag_count,
        runs.batch_p50_ms,
        runs.batch_p95_ms,
        {{ share_of('runs.message_count', 'runs.batch_seconds') }} as messages_per_second,
        positions.committed_at as counted_at,
        positions.last_appended_at as newest_ballot_at,
        extract(epoch from now() - positions.last_appended_at)::numeric as newest_ballot_seconds,
        verifications.verified_at,
        verifications.position as verified_position,
        verifications.has_passed as is_verified

    from elections

    left join positions using (election_id)

    left join runs using (election_id)

    left join verifications using (election_id)

    where elections.opened_at is not null

)

select * from count_health
