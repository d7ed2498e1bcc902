with

tallies as (

    select * from {{ ref('stg_ledger__tallies') }}

),

adjustments as (

    select * from {{ ref('stg_registry__adjustments') }}

),

-- Neither is mixed into the other: each keeps its column on the way up.
votes_united as (

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        vote_count,
        0::bigint as adjustment_count

    from tallies

    union all

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        0,
        vote_change

    from adjustments

)

select * from votes_united
