{{ config(indexes=[{'columns': ['election_id', 'as_of_at', 'contest_id', 'candidate_id'], 'unique': true}]) }}

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

results_points as (

    select * from {{ ref('int_results_points') }}

),

snapshot_tallies as (

    select * from {{ ref('stg_ledger__snapshot_tallies') }}

),

adjustments as (

    select * from {{ ref('stg_registry__adjustments') }}

),

points_published as (

    select
        results_points.*,
        {% if is_incremental() -%}
        not exists (
            select from {{ this }} as kept
            where kept.election_id = results_points.election_id and kept.as_of_at = results_points.as_of_at
        )
        {%- else -%}
        true
        {%- endif %} as is_new

    from results_points

    inner join elections using (election_id)

    where elections.is_published

),

points_followed as (

    select
        *,
        lead(is_new) over (partition by election_id, recount order by as_of_at) as is_next_new

    from points_published

),

-- What is not in the history yet, and before it what it is compared with.
points_needed as (

    select * from points_followed

    where is_new or is_next_new

),

adjustments_to_point as (

    select
        points_needed.election_id,
        points_needed.as_of_at,
        adjustments.contest_id,
        adjustments.candidate_id,
        sum(adjustments.vote_change)::bigint as adjustment_count

    from points_needed

    inner join adjustments
        on points_needed.election_id = adjustments.election_id
        and points_needed.as_of_at >= adjustments.adjusted_at

    group by
        points_needed.election_id, points_needed.as_of_at, adjustments.contest_id, adjustments.candidate_id

),

candidates_with_votes as (

    select
        points_needed.election_id,
        points_needed.as_of_at,
        points_needed.recount,
        points_needed.position,
        points_needed.is_new,
        contests.contest_id,
        contests.votes_allowed,
        candidates.candidate_id,
        candidates.is_write_in,
        coalesce(snapshot_tallies.vote_count, 0) as vote_count,
        coalesce(adjustments_to_point.adjustment_count, 0) as adjustment_count,
        coalesce(snapshot_tallies.vote_count, 0) + coalesce(adjustments_to_point.adjustment_count, 0)
            as adjusted_vote_count

    from points_needed

    inner join contests using (election_id)

    inner join candidates using (election_id, contest_id)

    left join snapshot_tallies
        on points_needed.election_id = snapshot_tallies.election_id
        and points_needed.snapshot_taken_at = snapshot_tallies.taken_at
        and candidates.contest_id = snapshot_tallies.contest_id
        and candidates.candidate_id = snapshot_tallies.candidate_id

    left join adjustments_to_point
        on points_needed.election_id = adjustments_to_point.election_id
        and points_needed.as_of_at = adjustments_to_point.as_of_at
        and candidates.contest_id = adjustments_to_point.contest_id
        and candidates.candidate_id = adjustments_to_point.candidate_id

),

candidates_compared as (

{{ candidates_compared('candidates_with_votes', places=['as_of_at']) }}

),

candidates_followed as (

    select
        *,
        adjusted_vote_count - lag(adjusted_vote_count) over candidate as change_count,
        coalesce(lag(is_leading) over candidate, false) as was_leading

    from candidates_compared

    window candidate as (partition by election_id, recount, contest_id, candidate_id order by as_of_at)

),

results_history as (

    select
        election_id,
        as_of_at,
        contest_id,
        candidate_id,
        vote_count,
        adjustment_count,
        adjusted_vote_count,
        vote_share,
        rank,
        is_tied,
        is_leading,
        was_leading,
        margin_count,
        change_count,
        coalesce(change_count < 0, false) as has_fallen,
        recount,
        position,
        {{ key_of(['election_id', 'contest_id', 'candidate_id']) }} as candidate_key

    from candidates_followed

    where is_new

)

select * from results_history
