with

tallies as (

    select * from {{ ref('stg_ledger__tallies') }}

),

tallies_added_up as (

    select
        election_id,
        contest_id,
        candidate_id,
        sum(vote_count)::bigint as vote_count

    from tallies

    group by election_id, contest_id, candidate_id

)

select * from tallies_added_up
