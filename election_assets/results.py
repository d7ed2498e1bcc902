"""Results as people read them: from the marts in one snapshot, or followed from the results topic."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import class_row

from election_assets.errors import PermanentError
from election_assets.settings import Settings
from spark.topic import LogReader

_POLL_SECONDS = 0.5


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
class CandidateResult:
    """A line of the results: one candidate in one contest; rank is None for write-ins."""

    contest_id: str
    contest_name: str
    votes_allowed: int
    candidate_id: str
    candidate_name: str
    party: str | None
    vote_count: int
    vote_share: Decimal | None
    rank: int | None
    votes_by_method: dict[str, int]


@dataclass(frozen=True, slots=True)
class Results:
    """An election's standing and the lines of all its contests, in ballot order, most votes first."""

    standing: ElectionStanding
    candidates: list[CandidateResult]


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
    r.vote_count, r.vote_share, r.rank,
    coalesce(m.votes_by_method, '{}') as votes_by_method
from marts.fct_contest_results r
join marts.dim_contests c using (election_id, contest_id)
join marts.dim_candidates n using (election_id, contest_id, candidate_id)
left join (
    select contest_id, candidate_id, jsonb_object_agg(method, votes) as votes_by_method
    from (
        select contest_id, candidate_id, method, sum(vote_count)::bigint as votes
        from marts.fct_candidate_results where election_id = %s group by contest_id, candidate_id, method
    ) by_method
    group by contest_id, candidate_id
) m using (contest_id, candidate_id)
where r.election_id = %s
order by c.contest_number, n.is_write_in, r.vote_count desc, n.candidate_number
"""


def read_results(settings: Settings, election_id: str) -> Results:
    """Read what the marts say now, all of it from one snapshot; raise PermanentError for an unknown election."""
    with psycopg.connect(settings.conninfo("reader")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.cursor(row_factory=class_row(ElectionStanding)) as cursor:
            standing = cursor.execute(_STANDING, (election_id,)).fetchone()
        if standing is None:
            raise PermanentError(f"The marts have no election {election_id!r}: `election register {election_id}`.")
        with connection.cursor(row_factory=class_row(CandidateResult)) as cursor:
            candidates = cursor.execute(_CANDIDATES, (election_id, election_id)).fetchall()
    return Results(standing, candidates)


def follow_results(settings: Settings, election_id: str) -> Iterator[dict[str, Any]]:
    """Yield each newer total that the results topic carries, for ever, starting with the newest of each candidate.

    A total of a lower (recount, position) than seen before is out of date and passed over.
    """
    newest: dict[str, tuple[int, int]] = {}
    with LogReader(settings.bootstrap_servers, settings.results_topic) as log:
        reached = {partition: start for partition, (start, _) in log.starts_and_ends().items()}
        while True:
            for partition, (_, stop) in log.starts_and_ends().items():
                start = reached.get(partition, 0)
                for message in log.messages_from(partition, start, stop):
                    total = json.loads(message.value)
                    moment = (total["recount"], total["position"])
                    key = f"{total['contest_id']}/{total['candidate_id']}"
                    if total["election_id"] == election_id and moment >= newest.get(key, (0, 0)):
                        newest[key] = moment
                        yield total
                reached[partition] = stop
            time.sleep(_POLL_SECONDS)
