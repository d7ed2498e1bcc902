with

tallies as (

    select
        election_id,
        contest_id,
        candidate_id,
        precinct_id,
        method,
        vote_count

    from {{ source('ledger', 'tallies') }}

)

select * from tallies
