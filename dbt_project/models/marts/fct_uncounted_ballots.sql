with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

uncounted as (

    select * from {{ ref('stg_ledger__uncounted') }}

),

uncounted_reasons as (

    select * from {{ ref('uncounted_reasons') }}

),

uncounted_ballots as (

    select
        uncounted.election_id,
        uncounted.verdict,
        uncounted.reason,
        uncounted_reasons.description as reason_description,
        uncounted.appended_hour,
        uncounted.message_count,
        elections.position

    from uncounted

    inner join elections using (election_id)

    left join uncounted_reasons using (reason)

)

select * from uncounted_ballots
