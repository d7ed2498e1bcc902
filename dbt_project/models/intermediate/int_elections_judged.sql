with

elections as (

    select
        election_id,
        publish,
        closes_at

    from {{ ref('stg_registry__elections') }}

),

positions as (

    select * from {{ ref('stg_ledger__positions') }}

),

elections_judged as (

    select
        elections.election_id,
        coalesce(positions.position, 0)::bigint as position,
        coalesce(positions.counted_count, 0)::bigint as counted_count,
        coalesce(positions.rejected_count, 0)::bigint as rejected_count,
        coalesce(positions.quarantined_count, 0)::bigint as quarantined_count,
        coalesce(positions.hole_count, 0)::bigint as hole_count,
        positions.committed_at as counted_at,
        coalesce(positions.recount, 0) as recount,
        -- An election to be published at its close, but without hours, never closes: its choices stay hidden.
        elections.publish = 'live' or coalesce(now() >= elections.closes_at, false) as is_published

    from elections

    left join positions using (election_id)

)

select * from elections_judged
