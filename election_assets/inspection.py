"""Inspecting: one message of the log and its verdict, for an auditor; a voter's partition, for a producer."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from election_assets.domain.election import ID_PATTERN
from election_assets.domain.partitioning import partition_of
from election_assets.domain.topics import votes_topic_of
from election_assets.domain.verdict import Reason, Verdict
from election_assets.errors import PermanentError
from election_assets.settings import Settings
from spark.topic import LogReader, latest_value


@dataclass(frozen=True, slots=True)
class Inspected:
    """A message as the log has it; bytes that are not UTF-8 are shown in base64. `verdict` None: not judged yet."""

    partition: int
    offset: int
    appended_at: datetime
    key: str | None
    value: str | None
    verdict: str | None
    reason: str | None
    explanation: str


def inspect_message(settings: Settings, election_id: str, place: str) -> Inspected:
    """Return the message at `PARTITION:OFFSET`; raise PermanentError where there is none."""
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", place)
    if match is None:
        raise PermanentError(f"{place!r} is not PARTITION:OFFSET, such as 3:1042.")
    partition, offset = int(match[1]), int(match[2])
    with LogReader(settings.kafka, votes_topic_of(election_id, settings.votes_topic)) as log:
        _, end = log.starts_and_ends().get(partition, (0, 0))
        message = log.message_at(partition, offset) if offset < end else None
    if message is None:
        raise PermanentError(
            f"The log of {election_id!r} has no message at {place}: partition {partition} ends at offset {end}."
        )
    verdict, reason, explanation = _verdict(settings, election_id, partition, offset)
    return Inspected(
        partition,
        offset,
        datetime.fromtimestamp(message.timestamp / 1000, tz=UTC),
        _text(message.key),
        _text(message.value),
        verdict,
        reason,
        explanation,
    )


def partition_of_voter(settings: Settings, election_id: str, voter_id: str) -> int:
    """Return the partition of an opened election's votes topic that a voter's ballots go to, on the roll or not.

    Raises PermanentError for an election that is not open, and for an id that no ballot may have.
    """
    if not ID_PATTERN.match(voter_id):
        raise PermanentError(
            f"{voter_id!r} is no voter's id: it must be 1 to 64 of the characters A–Z, a–z, 0–9, '.', '_', ':' and '-'."
        )
    # Of the freeze in Kafka, not of the registry: a producer has no password for Postgres.
    freeze = latest_value(settings.kafka, settings.elections_topic, election_id.encode())
    if freeze is None:
        raise PermanentError(
            f"Election {election_id!r} is not open, so its ballots have no partition yet: "
            f"`election open {election_id}` comes first."
        )
    return partition_of(voter_id.encode(), json.loads(freeze)["partition_count"])


def _verdict(settings: Settings, election_id: str, partition: int, offset: int) -> tuple[str | None, str | None, str]:
    with psycopg.connect(settings.conninfo("auditor")) as connection:
        row = connection.execute(
            "select p.next_offset, u.reason from ledger.positions p"
            " join registry.elections e using (election_number)"
            " left join ledger.uncounted u on u.election_number = p.election_number and u.partition = p.partition"
            ' and u."offset" = %s where e.election_id = %s and p.partition = %s',
            (offset, election_id, partition),
        ).fetchone()
    if row is None or row[0] <= offset:
        return None, None, "Not judged yet."
    if row[1] is None:
        return Verdict.COUNTED.value, None, "The voter's first valid ballot."
    reason = Reason(row[1])
    return reason.verdict.value, reason.value, reason.sentence


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(data).decode()
