with

uncounted as (

    select
        election_id,
        verdict,
        reason,
        appended_hour,
        message_count

    from {{ source('ledger', 'uncounted') }}

)

select * from uncounted
