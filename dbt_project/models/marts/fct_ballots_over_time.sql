with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

arrivals as (

    select * from {{ ref('stg_ledger__arrivals') }}

),

ballots_over_time as (

    select
        arrivals.election_id,
        arrivals.appended_minute,
        arrivals.method,
        arrivals.ballot_count,
        elections.position

    from arrivals

    inner join elections using (election_id)

)

select * from ballots_over_time
