"""The registry as events: an open election's voters and candidates on topics of their own, for others to read.

A voter is an id, a precinct, a ballot style and an age group there; who the voters are stays in Postgres.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
import psycopg

from election_assets.domain.topics import COMPACT_CONFIG
from election_assets.kafka_cluster import KafkaCluster
from election_assets.resources.vote_log import create_topic, publish, send_all
from election_assets.settings import Settings
from spark.registry import read_frozen
from spark.topic import latest_value

Message = tuple[bytes, bytes]

# Where they are made here: voters may be many, and then several readers share them.
_VOTERS_PARTITIONS, _CANDIDATES_PARTITIONS = 4, 1
_ROWS_AT_ONCE = 10_000

_VOTERS = """
select v.voter_id, u.reporting_unit_id, s.ballot_style_id, v.age_group
from registry.elections e
join registry.voters v using (election_number)
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = v.precinct_number
join registry.ballot_styles s on s.election_id = e.election_id and s.ballot_style_number = v.ballot_style_number
where e.election_id = %s
"""
_VOTER_COUNT = (
    "select count(*) from registry.elections join registry.voters using (election_number) where election_id = %s"
)
_CANDIDATES = """
select contest_id, candidate_id, candidate_name, party, is_write_in from registry.candidates
where election_id = %s order by contest_id, candidate_number
"""


class VoterEvent(msgspec.Struct, gc=False):
    """A value of the voters topic."""

    election_id: str
    voter_id: str
    precinct_id: str
    ballot_style_id: str
    age_group: str

    def message(self) -> Message:
        """Return key and value; another election may have the same voter id."""
        return f"{self.election_id}/{self.voter_id}".encode(), msgspec.json.encode(self)


class CandidateEvent(msgspec.Struct, gc=False):
    """A value of the candidates topic."""

    election_id: str
    contest_id: str
    candidate_id: str
    candidate_name: str
    party: str | None
    is_write_in: bool

    def message(self) -> Message:
        """Return key and value."""
        return f"{self.election_id}/{self.contest_id}/{self.candidate_id}".encode(), msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Published:
    """What the topics hold of an election; `is_new` is False where they held it before."""

    is_new: bool
    voter_count: int
    candidate_count: int


def publish_registry(
    settings: Settings,
    election_id: str,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    wait_seconds: float = 60,
) -> Published:
    """Publish an open election's voters and then its candidates, the last of whom says that all are there.

    Where that one is missing, all are published again: compaction keeps one of each. `report` is told how many voters
    are acknowledged, and how many there are. Raises PermanentError for an election that is unknown or a draft, and
    TransientError when the broker stays away for `wait_seconds`.
    """
    kafka, voters_topic, candidates_topic = (
        settings.kafka,
        settings.voters_topic,
        settings.candidates_topic,
    )
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        read_frozen(connection, election_id)
        (voter_count,) = connection.execute(_VOTER_COUNT, (election_id,)).fetchone() or (0,)
        rows = connection.execute(_CANDIDATES, (election_id,)).fetchall()
        candidates = [CandidateEvent(election_id, *row).message() for row in rows]
        if _is_published(kafka, candidates_topic, candidates[-1:]):
            return Published(False, voter_count, len(rows))
        told = f"{{:,}} events were published. `election open {election_id}` completes them."
        create_topic(kafka, voters_topic, _VOTERS_PARTITIONS, COMPACT_CONFIG)
        create_topic(kafka, candidates_topic, _CANDIDATES_PARTITIONS, COMPACT_CONFIG)
        voters = _voters(connection, election_id)
        send_all(kafka, voters_topic, None, voters, told, lambda done: report(done, voter_count), wait_seconds)
        send_all(kafka, candidates_topic, None, candidates[:-1], told, wait_seconds=wait_seconds)
        for key, value in candidates[-1:]:
            publish(kafka, candidates_topic, key, value)
    return Published(True, voter_count, len(rows))


def _is_published(kafka: KafkaCluster, topic: str, last: Iterable[Message]) -> bool:
    return any(latest_value(kafka, topic, key) == value for key, value in last)


def _voters(connection: psycopg.Connection, election_id: str) -> Iterator[Message]:
    # Named, so that Postgres hands the rows out as they are asked for.
    with connection.cursor("voters") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        for row in cursor.execute(_VOTERS, (election_id,)):
            yield VoterEvent(election_id, *row).message()
