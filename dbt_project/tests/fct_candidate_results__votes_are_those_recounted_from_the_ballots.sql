{{ config(
    group='marts',
    description="In each contest, precinct and method the votes are as many as the ballots, which another table of the ledger counts, leave over.",
    meta={'dagster': {'ref': {'name': 'fct_candidate_results'}}},
) }}

with

votes as (

    select
        election_id,
        contest_id,
        precinct_id,
        method,
        sum(vote_count) as vote_count

    from {{ ref('fct_candidate_results') }}

    group by election_id, contest_id, precinct_id, method

),

recounted as (

    select
        contest_ballots.election_id,
        contest_ballots.contest_id,
        contest_ballots.precinct_id,
        contest_ballots.method,
        contest_ballots.ballot_count * contests.votes_allowed
        - contest_ballots.undervote_count
        - contest_ballots.overvote_count as vote_count

    from {{ ref('stg_ledger__contest_ballots') }} as contest_ballots

    inner join {{ ref('stg_registry__contests') }} as contests using (election_id, contest_id)

    inner join {{ ref('int_elections_judged') }} as elections using (election_id)

    where elections.is_published

)

select
    election_id,
    contest_id,
    precinct_id,
    method,
    votes.vote_count,
    recounted.vote_count as recounted_vote_count

from votes

full join recounted using (election_id, contest_id, precinct_id, method)

where coalesce(votes.vote_count, 0) <> coalesce(recounted.vote_count, 0)
