with

elections as (

    select * from {{ ref('int_elections_judged') }}

),

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

tallies_added_up as (

    select * from {{ ref('int_tallies_added_up') }}

),

candidates_with_votes as (

    select
        elections.election_id,
        elections.position,
        contests.contest_id,
        contests.votes_allowed,
        candidates.candidate_id,
        candidates.is_write_in,
        coalesce(tallies_added_up.vote_count, 0)::bigint as vote_count

    from elections

    inner join contests using (election_id)

    inner join candidates using (election_id, contest_id)

    left join tallies_added_up using (election_id, contest_id, candidate_id)

    where elections.is_published

),

candidates_compared as (

    select
        *,
        sum(vote_count) over contest as contest_vote_count,
        rank() over ranking as rank_among_equals,
        -- The last of as many places as there are votes allowed, and the first candidate without a place.
        nth_value(vote_count, votes_allowed) over ranking as last_place_vote_count,
        nth_value(vote_count, votes_allowed + 1) over ranking as first_without_place_vote_count,
        count(*) over (partition by election_id, contest_id, is_write_in, vote_count) as equal_count

    from candidates_with_votes

    window
        contest as (partition by election_id, contest_id),
        ranking as (
            partition by election_id, contest_id, is_write_in
            order by vote_count desc
            rows between unbounded preceding and unbounded following
        )

),

contest_results as (

    select
        election_id,
        contest_id,
        candidate_id,
        vote_count,
        {{ share_of('vote_count', 'contest_vote_count') }} as vote_share,
        case when not is_write_in then rank_among_equals::integer end as rank,
        not is_write_in and equal_count > 1 as is_tied,
        case
            when is_write_in then null
            when vote_count < last_place_vote_count then vote_count - last_place_vote_count
            else vote_count - first_without_place_vote_count
        end as margin_count,
        position

    from candidates_compared

)

select * from contest_results
