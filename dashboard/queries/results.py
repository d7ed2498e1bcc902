"""What the results page asks: the chosen contest's candidates, race, progress and history."""

import psycopg

from dashboard.contents import PastShare, Progress, Race, Results
from dashboard.queries.rows import Asked, all_of, first_of
from dashboard.snapshot import Candidate

_CANDIDATES = """
with

votes_added_up as (

    select candidate_id, method, sum(adjusted_vote_count)::bigint as vote_count
    from marts.fct_candidate_results
    where election_id = %(election_id)s and contest_id = %(contest_id)s
    group by candidate_id, method

),

votes_gathered as (

    select candidate_id, jsonb_object_agg(method, vote_count) as votes_by_method
    from votes_added_up
    group by candidate_id

)

select
    contest_id, candidate_id, candidates.candidate_name, candidates.party, candidates.is_write_in,
    results.adjusted_vote_count as vote_count, results.adjustment_count,
    results.vote_share::double precision as vote_share,
    results.rank, results.is_tied, results.margin_count,
    coalesce(votes_gathered.votes_by_method, '{}') as votes_by_method
from marts.fct_contest_results as results
join marts.dim_candidates as candidates using (election_id, contest_id, candidate_id)
left join votes_gathered using (candidate_id)
where election_id = %(election_id)s and contest_id = %(contest_id)s
order by results.rank nulls last, candidates.candidate_number
"""

_RACE = """
select
    outstanding_count, expected_outstanding_count, needed_share::double precision as needed_share,
    can_quarantined_change_it, is_decided
from marts.fct_race_status
where election_id = %(election_id)s and contest_id = %(contest_id)s
"""

# The units at the top of the tree hold each precinct once.
_PROGRESS = """
select
    sum(precinct_count)::bigint as precinct_count,
    sum(none_count)::bigint as none_count,
    sum(some_count)::bigint as some_count,
    sum(all_count)::bigint as all_count,
    case when count(*) = count(expected_share)
        then (sum(expected_share * expected_ballot_count) / nullif(sum(expected_ballot_count), 0))::double precision
    end as expected_share
from marts.fct_reporting_progress
join marts.dim_reporting_units as units using (election_id, reporting_unit_id)
where election_id = %(election_id)s and contest_id = %(contest_id)s and units.parent_id is null
having count(*) > 0
"""

# Of a long night every so many-th moment is drawn, and the last.
_HISTORY = """
with

moments as (

    select distinct as_of_at
    from marts.fct_results_history
    where
        election_id = %(election_id)s and contest_id = %(contest_id)s
        and recount = (select recount from marts.dim_elections where election_id = %(election_id)s)

),

moments_numbered as (

    select as_of_at, row_number() over (order by as_of_at desc) - 1 as number, count(*) over () as moment_count
    from moments

)

select as_of_at, candidate_id, history.adjusted_vote_count as vote_count, vote_share::double precision as vote_share
from marts.fct_results_history as history
join moments_numbered using (as_of_at)
where
    election_id = %(election_id)s and contest_id = %(contest_id)s and rank is not null
    and number %% (moment_count / 150 + 1) = 0
order by as_of_at, candidate_id
"""


def candidates_of(connection: psycopg.Connection, asked: Asked) -> tuple[Candidate, ...]:
    """Return the candidates of the chosen contest by rank, write-ins last; none while choices are withheld."""
    return all_of(connection, Candidate, _CANDIDATES, asked)


def load(connection: psycopg.Connection, asked: Asked) -> Results:
    """Read what the results page shows beside the candidates."""
    return Results(
        race=first_of(connection, Race, _RACE, asked),
        progress=first_of(connection, Progress, _PROGRESS, asked),
        history=all_of(connection, PastShare, _HISTORY, asked),
    )
