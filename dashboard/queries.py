"""The questions the page asks: SQL over the marts, every value bound."""

from dataclasses import replace
from typing import TypeVar

import psycopg
from psycopg.rows import class_row

from dashboard.connection import reading
from dashboard.snapshot import (
    Candidate,
    Contest,
    Election,
    Snapshot,
    Turnout,
    UncountedMessages,
    chosen_election,
)

Row = TypeVar("Row")

_ELECTIONS = """
select
    election_id, election_name, election_date, election_type, status, is_test, closes_at, publish,
    registered_voter_count, precinct_count, contest_count,
    position, counted_count, rejected_count, quarantined_count, hole_count, counted_at
from marts.dim_elections
order by election_date desc, election_id
"""

_CONTESTS = """
select
    contest_id, contests.contest_name, contests.votes_allowed,
    totals.ballot_count, totals.vote_count, totals.undervote_count, totals.overvote_count
from marts.dim_contests as contests
left join marts.fct_contest_totals as totals using (election_id, contest_id)
where election_id = %(election_id)s
order by contests.contest_number
"""

_CANDIDATES = """
with

votes_added_up as (

    select contest_id, candidate_id, method, sum(vote_count)::bigint as vote_count
    from marts.fct_candidate_results
    where election_id = %(election_id)s
    group by contest_id, candidate_id, method

),

votes_gathered as (

    select contest_id, candidate_id, jsonb_object_agg(method, vote_count) as votes_by_method
    from votes_added_up
    group by contest_id, candidate_id

)

select
    contest_id, candidate_id, candidates.candidate_name, candidates.party, candidates.is_write_in,
    results.vote_count, results.vote_share::double precision as vote_share,
    results.rank, results.is_tied, results.margin_count,
    coalesce(votes_gathered.votes_by_method, '{}') as votes_by_method
from marts.fct_contest_results as results
join marts.dim_candidates as candidates using (election_id, contest_id, candidate_id)
left join votes_gathered using (contest_id, candidate_id)
where election_id = %(election_id)s
order by results.rank nulls last, candidates.candidate_number
"""

_BALLOTS = """
select method, sum(ballot_count)::bigint as ballot_count
from marts.fct_ballots
where election_id = %(election_id)s
group by method
"""

_PRECINCTS = """
select
    units.reporting_unit_name, parents.reporting_unit_name as parent_name,
    turnout.registered_voter_count, turnout.ballot_count,
    turnout.turnout_share::double precision as turnout_share
from marts.fct_turnout as turnout
join marts.dim_reporting_units as units using (election_id, reporting_unit_id)
left join marts.dim_reporting_units as parents
    on parents.election_id = units.election_id and parents.reporting_unit_id = units.parent_id
where units.election_id = %(election_id)s and units.is_precinct
order by parents.reporting_unit_name, units.reporting_unit_name
"""

_UNCOUNTED = """
select verdict, reason, reason_description, sum(message_count)::bigint as message_count
from marts.fct_uncounted_ballots
where election_id = %(election_id)s
group by verdict, reason, reason_description
order by message_count desc, reason
"""


def load(election_id: str | None) -> Snapshot:
    """Read all the page shows of an election in one snapshot of the database; None means the one counted last.

    Raises ResultsUnavailableError with a sentence for the viewer.
    """
    with reading() as connection:
        read_at = connection.execute("select now()").fetchone()[0]  # type: ignore[index]
        elections = tuple(connection.cursor(row_factory=class_row(Election)).execute(_ELECTIONS))
        election = chosen_election(elections, election_id)
        if election is None:
            return Snapshot(read_at, elections)
        return Snapshot(
            read_at=read_at,
            elections=elections,
            election=election,
            contests=_contests(connection, election),
            ballots_by_method=dict(connection.execute(_BALLOTS, {"election_id": election.election_id}).fetchall()),
            precincts=_rows(connection, Turnout, _PRECINCTS, election),
            uncounted=_rows(connection, UncountedMessages, _UNCOUNTED, election),
        )


def _contests(connection: psycopg.Connection, election: Election) -> tuple[Contest, ...]:
    candidates = _rows(connection, Candidate, _CANDIDATES, election)
    return tuple(
        replace(contest, candidates=tuple(each for each in candidates if each.contest_id == contest.contest_id))
        for contest in _rows(connection, Contest, _CONTESTS, election)
    )


def _rows(connection: psycopg.Connection, kind: type[Row], query: str, election: Election) -> tuple[Row, ...]:
    cursor = connection.cursor(row_factory=class_row(kind))
    return tuple(cursor.execute(query, {"election_id": election.election_id}))
