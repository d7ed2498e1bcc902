"""Results as people read them: from the marts, as of now or of a past moment, once or again and again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from election_assets.errors import PermanentError
from election_assets.settings import Settings

Row = TypeVar("Row")

_SECONDS_BETWEEN = 2.0
_MOMENT = "%Y-%m-%d %H:%M:%S %Z"


@dataclass(frozen=True, slots=True)
class ElectionStanding:
    """How far an election is counted. `turnout_share` is None where the roll is unknown."""

    election_id: str
    election_name: str
    status: str
    position: int
    counted_count: int
    rejected_count: int
    quarantined_count: int
    counted_at: datetime | None
    registered_voter_count: int | None
    ballot_count: int
    turnout_share: Decimal | None


@dataclass(frozen=True, slots=True)
class PastStanding:
    """The moment that past results are of: a snapshot that the count kept, or an adjustment."""

    election_id: str
    election_name: str
    as_of_at: datetime
    recount: int
    position: int


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """A line of the results: one candidate in one contest; rank is None for write-ins.

    `vote_count` is what was counted, `adjusted_vote_count` the same with the office's corrections; shares, ranks and
    `votes_by_method` are of the latter. The methods of past results are not kept.
    """

    contest_id: str
    contest_name: str
    votes_allowed: int
    candidate_id: str
    candidate_name: str
    party: str | None
    vote_count: int
    adjustment_count: int
    adjusted_vote_count: int
    vote_share: Decimal | None
    rank: int | None
    votes_by_method: dict[str, int]


@dataclass(frozen=True, slots=True)
class ContestStanding:
    """How far a contest is: the margin at the line between seats and others, and what is still out.

    Counts are of votes, precincts and ballots; None where there is no margin, or nobody knows what to expect.
    """

    contest_id: str
    margin_count: int | None
    margin_share: Decimal | None
    precinct_count: int
    all_count: int
    expected_outstanding_count: int | None
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Results:
    """An election's standing and the lines of all its contests, in ballot order, most votes first.

    `contests` are in the same order; there are none of past results, and before a close none with choices.
    """

    standing: ElectionStanding | PastStanding
    candidates: list[CandidateResult]
    contests: list[ContestStanding]


_STANDING = """
select e.election_id, e.election_name, e.status, e.position, e.counted_count, e.rejected_count,
    e.quarantined_count, e.counted_at, t.registered_voter_count, t.ballot_count, t.turnout_share
from marts.dim_elections e
cross join lateral (
    select
        case when bool_and(u.registered_voter_count is not null)
            then sum(u.registered_voter_count) end::bigint as registered_voter_count,
        coalesce(sum(u.ballot_count), 0)::bigint as ballot_count,
        case when bool_and(u.registered_voter_count is not null)
            then sum(u.ballot_count) / nullif(sum(u.registered_voter_count), 0) end as turnout_share
    from marts.fct_turnout u join marts.dim_reporting_units d using (election_id, reporting_unit_id)
    where u.election_id = e.election_id and d.is_precinct
) t
where e.election_id = %s
"""

_CANDIDATES = """
select r.contest_id, c.contest_name, c.votes_allowed, r.candidate_id, n.candidate_name, n.party,
    r.vote_count, r.adjustment_count, r.adjusted_vote_count, r.vote_share, r.rank,
    coalesce(m.votes_by_method, '{}') as votes_by_method
from marts.fct_contest_results r
join marts.dim_contests c using (election_id, contest_id)
join marts.dim_candidates n using (election_id, contest_id, candidate_id)
left join (
    select contest_id, candidate_id, jsonb_object_agg(method, votes) as votes_by_method
    from (
        select contest_id, candidate_id, method, sum(adjusted_vote_count)::bigint as votes
        from marts.fct_candidate_results where election_id = %s group by contest_id, candidate_id, method
    ) by_method
    group by contest_id, candidate_id
) m using (contest_id, candidate_id)
where r.election_id = %s
order by c.contest_number, n.is_write_in, r.adjusted_vote_count desc, n.candidate_number
"""

# The units at the top of the tree hold each precinct once.
_CONTESTS = """
select r.contest_id, r.margin_count, r.margin_share, p.precinct_count, p.all_count, r.expected_outstanding_count,
    r.is_decided
from marts.fct_race_status r
join marts.dim_contests c using (election_id, contest_id)
join (
    select election_id, contest_id, sum(precinct_count)::bigint as precinct_count,
        sum(all_count)::bigint as all_count
    from marts.fct_reporting_progress join marts.dim_reporting_units u using (election_id, reporting_unit_id)
    where u.parent_id is null group by election_id, contest_id
) p using (election_id, contest_id)
where r.election_id = %s
order by c.contest_number
"""

_PAST_STANDING = """
select e.election_id, e.election_name, h.as_of_at, h.recount, h.position
from marts.fct_results_history h join marts.dim_elections e using (election_id)
where election_id = %s and h.as_of_at <= %s
order by h.as_of_at desc limit 1
"""

_PAST_CANDIDATES = """
select h.contest_id, c.contest_name, c.votes_allowed, h.candidate_id, n.candidate_name, n.party,
    h.vote_count, h.adjustment_count, h.adjusted_vote_count, h.vote_share, h.rank, '{}'::jsonb as votes_by_method
from marts.fct_results_history h
join marts.dim_contests c using (election_id, contest_id)
join marts.dim_candidates n using (election_id, contest_id, candidate_id)
where h.election_id = %s and h.as_of_at = %s
order by c.contest_number, n.is_write_in, h.adjusted_vote_count desc, n.candidate_number
"""

_HISTORY_BEGINS = """
select min(h.as_of_at) from marts.dim_elections e left join marts.fct_results_history h using (election_id)
where e.election_id = %s group by e.election_id
"""


def read_results(settings: Settings, election_id: str) -> Results:
    """Read what the marts say now, all of it from one snapshot; raise PermanentError for an unknown election."""
    with one_snapshot(settings) as connection:
        standing = _one(connection, ElectionStanding, _STANDING, election_id)
        if standing is None:
            raise unknown_election(election_id)
        return Results(
            standing,
            _all(connection, CandidateResult, _CANDIDATES, election_id, election_id),
            _all(connection, ContestStanding, _CONTESTS, election_id),
        )


def read_results_as_of(settings: Settings, election_id: str, moment: datetime) -> Results:
    """Read the results as they stood at a moment: those of the latest one that the history has, not after it.

    Raises PermanentError where the history begins later, or the election is unknown.
    """
    with one_snapshot(settings) as connection:
        standing = _one(connection, PastStanding, _PAST_STANDING, election_id, moment)
        if standing is None:
            raise _too_early(connection, election_id, moment)
        lines = _all(connection, CandidateResult, _PAST_CANDIDATES, election_id, standing.as_of_at)
        return Results(standing, lines, [])


def follow_results(settings: Settings, election_id: str) -> Iterator[Results]:
    """Yield the results, and again whenever a look every two seconds finds them changed, for ever."""
    shown = None
    while True:
        found = read_results(settings, election_id)
        if found != shown:
            yield found
            shown = found
        time.sleep(_SECONDS_BETWEEN)


@contextmanager
def one_snapshot(settings: Settings, exported: str | None = None) -> Iterator[psycopg.Connection]:
    """Connect as `reader`; all that the body reads is of one moment: that of an exported snapshot, if any."""
    with psycopg.connect(settings.conninfo("reader")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if exported:
            connection.execute(sql.SQL("set transaction snapshot {}").format(exported))
        yield connection


def _one(connection: psycopg.Connection, kind: type[Row], query: str, *values: object) -> Row | None:
    return connection.cursor(row_factory=class_row(kind)).execute(query.encode(), values).fetchone()


def _all(connection: psycopg.Connection, kind: type[Row], query: str, *values: object) -> list[Row]:
    return connection.cursor(row_factory=class_row(kind)).execute(query.encode(), values).fetchall()


def unknown_election(election_id: str) -> PermanentError:
    """Return the error about an election that the marts do not have."""
    return PermanentError(f"The marts have no election {election_id!r}: `election register {election_id}`.")


def _too_early(connection: psycopg.Connection, election_id: str, moment: datetime) -> PermanentError:
    row = connection.execute(_HISTORY_BEGINS, (election_id,)).fetchone()
    if row is None:
        return unknown_election(election_id)
    if row[0] is None:
        return PermanentError(
            f"Nothing of {election_id!r} is in the history yet: a live night adds to it every minute, "
            "`dbt build --selector history` at once."
        )
    return PermanentError(
        f"The history of {election_id!r} begins at {row[0]:{_MOMENT}}, after {moment:{_MOMENT}}: give a later time."
    )
