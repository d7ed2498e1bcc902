"""What the metrics are made of: the marts' figures of each opened election, and where its log ends.

Read as `reader`, who sees marts only; no query here asks for a candidate, a precinct or a voter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from spark.topic import log_ends

Row = TypeVar("Row")

_CONNECT_SECONDS = 3
_STATEMENT_MS = 5_000

# Times are seconds since 1970, as Prometheus has them; a run that failed says so as the first word of why it ended.
_ELECTIONS = """
select
    e.election_id,
    e.position,
    e.counted_count,
    e.rejected_count,
    e.quarantined_count,
    e.hole_count,
    e.recount,
    case when coalesce(e.opens_at, e.closes_at) is not null
        then now() >= coalesce(e.opens_at, '-infinity') and now() < coalesce(e.closes_at, 'infinity')
    end as is_within_hours,
    h.is_running,
    coalesce(h.ended_why like 'failed%', false) as has_failed,
    h.batch_p50_ms / 1000.0::float8 as batch_p50_seconds,
    h.batch_p95_ms / 1000.0::float8 as batch_p95_seconds,
    extract(epoch from h.counted_at)::float8 as counted_at,
    extract(epoch from h.newest_ballot_at)::float8 as newest_ballot_at,
    extract(epoch from (
        select max(as_of_at) from marts.fct_results_history as r where r.election_id = e.election_id
    ))::float8 as history_at,
    extract(epoch from h.verified_at)::float8 as verified_at,
    h.verified_position,
    h.is_verified
from marts.dim_elections as e
inner join marts.fct_count_health as h using (election_id)
order by e.election_id
"""

_UNCOUNTED = """
select election_id, verdict, reason, sum(message_count)::bigint as message_count
from marts.fct_uncounted_ballots
group by election_id, verdict, reason
order by election_id, verdict, reason
"""


@dataclass(frozen=True, slots=True)
class ElectionFigures:
    """An opened election as the marts have it; None for what is not known, or not so for an election like it."""

    election_id: str
    position: int
    counted_count: int
    rejected_count: int
    quarantined_count: int
    hole_count: int
    recount: int
    is_within_hours: bool | None
    is_running: bool
    has_failed: bool
    batch_p50_seconds: float | None
    batch_p95_seconds: float | None
    counted_at: float | None
    newest_ballot_at: float | None
    history_at: float | None
    verified_at: float | None
    verified_position: int | None
    is_verified: bool | None


@dataclass(frozen=True, slots=True)
class UncountedFigures:
    """Messages of an election that one reason kept from being counted."""

    election_id: str
    verdict: str
    reason: str
    message_count: int


def read_elections(conninfo: str) -> tuple[ElectionFigures, ...]:
    """Read the figures of all opened elections; raise psycopg.Error where the database is away or has no marts."""
    return _rows(conninfo, ElectionFigures, _ELECTIONS)


def read_uncounted(conninfo: str) -> tuple[UncountedFigures, ...]:
    """Read why messages are not counted, which costs about a second per million of them; raises as above."""
    return _rows(conninfo, UncountedFigures, _UNCOUNTED)


def read_log_ends(settings: Settings, elections: tuple[ElectionFigures, ...]) -> Mapping[str, int]:
    """Return election → the end of its log, summed over partitions; raise TransientError where Kafka is away."""
    topics = {votes_topic_of(one.election_id, settings.votes_topic): one.election_id for one in elections}
    return {topics[topic]: end for topic, end in log_ends(settings.kafka, topics).items()}


def _rows(conninfo: str, kind: type[Row], query: str) -> tuple[Row, ...]:
    bounded = make_conninfo(
        conninfo,
        connect_timeout=_CONNECT_SECONDS,
        options=f"-c statement_timeout={_STATEMENT_MS}",
        application_name="election metrics",
    )
    # A connection per read: a database that was restarted is then found by itself.
    with psycopg.connect(bounded, autocommit=True) as connection:
        return tuple(connection.cursor(row_factory=class_row(kind)).execute(query.encode()))
