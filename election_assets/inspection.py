"""Inspecting: one message of the log and its verdict, for an auditor."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from election_assets.domain.topics import votes_topic_of
from election_assets.domain.verdict import Reason, Verdict
from election_assets.errors import PermanentError
from election_assets.settings import Settings
from spark.topic import LogReader


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
    with LogReader(settings.bootstrap_servers, votes_topic_of(election_id, settings.votes_topic)) as log:
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
