with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

contest_ballots_added_up as (

    select * from {{ ref('int_contest_ballots_added_up') }}

),

tallies_added_up as (

    select * from {{ ref('int_tallies_added_up') }}

),

votes_grouped_by_contest as (

    select
        election_id,
        contest_id,
        sum(vote_count) as vote_count,
        sum(adjustment_count) as adjustment_count

    from tallies_added_up

    group by election_id, contest_id

),

contest_totals as (

    select
        elections.election_id,
        contests.contest_id,
        contests.votes_allowed,
        coalesce(contest_ballots_added_up.ballot_count, 0)::bigint as ballot_count,
        coalesce(votes_grouped_by_contest.vote_count, 0)::bigint as vote_count,
        coalesce(votes_grouped_by_contest.adjustment_count, 0)::bigint as adjustment_count,
        coalesce(contest_ballots_added_up.undervote_count, 0)::bigint as undervote_count,
        coalesce(contest_ballots_added_up.overvote_count, 0)::bigint as overvote_count,
        elections.position,
        {{ key_of(['election_id', 'contest_id'], of='contests') }} as contest_key

    from elections

    inner join contests using (election_id)

    left join contest_ballots_added_up using (election_id, contest_id)

    left join votes_grouped_by_contest using (election_id, contest_id)

    where elections.is_published

)

select * from contest_totals
