with

contest_ballots as (

    select
        election_id,
        contest_id,
        precinct_id,
        method,
        ballot_count,
        undervote_count,
        overvote_count

    from {{ source('ledger', 'contest_ballots') }}

)

select * from contest_ballots
