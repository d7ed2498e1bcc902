with

snapshots as (

    select * from {{ ref('stg_ledger__snapshots') }}

),

adjustments as (

    select * from {{ ref('stg_registry__adjustments') }}

),

moments as (

    select
        election_id,
        taken_at as as_of_at,
        taken_at as snapshot_taken_at

    from snapshots

    union

    select
        election_id,
        adjusted_at as as_of_at,
        null::timestamptz as snapshot_taken_at

    from adjustments

),

-- An adjustment changes the totals of the latest snapshot; before the first there are none.
moments_placed as (

    select
        election_id,
        as_of_at,
        max(snapshot_taken_at) over (partition by election_id order by as_of_at) as snapshot_taken_at

    from moments

),

results_points as (

    select
        moments_placed.election_id,
        moments_placed.as_of_at,
        moments_placed.snapshot_taken_at,
        snapshots.recount,
        snapshots.position

    from moments_placed

    inner join snapshots
        on moments_placed.election_id = snapshots.election_id
        and moments_placed.snapshot_taken_at = snapshots.taken_at

)

select * from results_points
