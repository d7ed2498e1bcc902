with

contests as (

    select * from {{ ref('stg_registry__contests') }}

),

candidates as (

    select * from {{ ref('stg_registry__candidates') }}

),

contests_outstanding as (

    select * from {{ ref('int_contests_outstanding') }}

),

contest_results as (

    select * from {{ ref('fct_contest_results') }}

),

standings as (

    select
        contest_results.election_id,
        contest_results.contest_id,
        contest_results.position,
        sum(contest_results.adjusted_vote_count) as vote_count,
        string_agg(contest_results.candidate_id, ', ' order by contest_results.rank, candidates.candidate_number)
            filter (where contest_results.is_leading) as leader_ids,
        string_agg(contest_results.candidate_id, ', ' order by candidates.candidate_number)
            filter (where contest_results.adjusted_vote_count > 0 and contest_results.margin_count = 0) as tied_ids,
        -- The last who has a seat, the first who has none, and what one write-in candidate can have at most.
        min(contest_results.adjusted_vote_count) filter (where contest_results.rank <= contests.votes_allowed)
            as last_seat_vote_count,
        max(contest_results.adjusted_vote_count) filter (where contest_results.margin_count <= 0)
            as trailing_vote_count,
        sum(contest_results.adjusted_vote_count) filter (where candidates.is_write_in) as write_in_vote_count

    from contest_results

    inner join contests using (election_id, contest_id)

    inner join candidates using (election_id, contest_id, candidate_id)

    group by contest_results.election_id, contest_results.contest_id, contest_results.position

),

standings_compared as (

    select
        *,
        last_seat_vote_count - trailing_vote_count as margin_count,
        last_seat_vote_count - coalesce(greatest(trailing_vote_count, write_in_vote_count), 0) as lead_count

    from standings

),

race_status as (

    select
        standings_compared.election_id,
        standings_compared.contest_id,
        contests.votes_allowed as seat_count,
        standings_compared.leader_ids,
        standings_compared.tied_ids,
        standings_compared.margin_count::bigint as margin_count,
        {{ share_of('standings_compared.margin_count', 'standings_compared.vote_count') }} as margin_share,
        contests_outstanding.ballot_count,
        contests_outstanding.registered_voter_count,
        contests_outstanding.outstanding_count,
        contests_outstanding.expected_outstanding_count,
        contests_outstanding.countable_count,
        standings_compared.lead_count <= contests_outstanding.countable_count as can_be_overtaken,
        {{ share_of(
            'standings_compared.margin_count + contests_outstanding.countable_count',
            '2 * contests_outstanding.countable_count'
        ) }} as needed_share,
        contests_outstanding.quarantined_count,
        contests_outstanding.quarantined_count > 0
        and coalesce(standings_compared.lead_count, 0) <= contests_outstanding.quarantined_count
            as can_quarantined_change_it,
        coalesce(
            standings_compared.last_seat_vote_count > 0
            and standings_compared.lead_count > contests_outstanding.countable_count
            and standings_compared.lead_count > contests_outstanding.quarantined_count,
            false
        ) as is_decided,
        standings_compared.position,
        {{ key_of(['election_id', 'contest_id'], of='standings_compared') }} as contest_key

    from standings_compared

    inner join contests using (election_id, contest_id)

    inner join contests_outstanding using (election_id, contest_id)

)

select * from race_status
