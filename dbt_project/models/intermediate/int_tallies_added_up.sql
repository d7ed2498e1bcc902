with

votes as (

    select * from {{ ref('int_votes_united') }}

),

tallies_added_up as (

    select
        election_id,
        contest_id,
        candidate_id,
        sum(vote_count)::bigint as vote_count,
        sum(adjustment_count)::bigint as adjustment_count

    from votes

    group by election_id, contest_id, candidate_id

)

select * from tallies_added_up
