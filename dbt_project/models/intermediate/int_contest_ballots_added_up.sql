with

contest_ballots as (

    select * from {{ ref('stg_ledger__contest_ballots') }}

),

contest_ballots_added_up as (

    select
        election_id,
        contest_id,
        sum(ballot_count)::bigint as ballot_count,
        sum(undervote_count)::bigint as undervote_count,
        sum(overvote_count)::bigint as overvote_count

    from contest_ballots

    group by election_id, contest_id

)

select * from contest_ballots_added_up
