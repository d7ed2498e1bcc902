with

snapshot_tallies as (

    select
        election_id,
        taken_at,
        contest_id,
        candidate_id,
        vote_count

    from {{ source('ledger', 'snapshot_tallies') }}

)

select * from snapshot_tallies
