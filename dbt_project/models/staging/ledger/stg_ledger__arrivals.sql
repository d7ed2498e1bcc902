with

arrivals as (

    select
        election_id,
        arrival_minute as appended_minute,
        method,
        ballot_count

    from {{ source('ledger', 'arrivals') }}

)

select * from arrivals
