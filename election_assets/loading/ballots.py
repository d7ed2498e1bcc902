"""Ballots of a file, sent to the log of an open election: those that the count would neither quarantine nor reject."""

import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg

from election_assets.domain.ballot import Ballot
from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judge
from election_assets.domain.partitioning import partition_of
from election_assets.domain.topics import votes_topic_of
from election_assets.domain.verdict import Reason
from election_assets.loading.rows import BadRow, Columns, Row
from election_assets.loading.sieve import Sieve
from election_assets.resources.vote_log import send_ballots
from election_assets.settings import Settings
from spark.guard import check_topic
from spark.registry import load_roll, read_frozen
from spark.topic import topic_facts

_ELECTION, *_OTHERS = Ballot.__struct_fields__
COLUMNS = Columns(required=tuple(_OTHERS), optional=(_ELECTION,), objects=("selections",))

Message = tuple[bytes, bytes]


def load_ballots(settings: Settings, election_id: str, sieve: Sieve, *, strict: bool) -> int:
    """Send the good rows, all or none of them where `strict`; return how many were acknowledged.

    Raises PermanentError for an election that is not open or whose topic is not the one it was
    opened with, TransientError where the broker is away: what it took stays, and is counted once.
    """
    conninfo = settings.conninfo("registrar")
    topic = votes_topic_of(election_id, settings.votes_topic)
    with psycopg.connect(conninfo) as connection:
        election = read_frozen(connection, election_id)
        (topic_id,) = connection.execute(
            "select topic_id from registry.elections where election_id = %s", (election_id,)
        ).fetchone() or ("",)
    check_topic(topic_facts(settings.kafka, topic), topic, topic_id, election)
    roll = load_roll(election, settings.home / "count" / "rolls", conninfo)

    def good_ballots() -> Iterator[Message]:
        for lot in sieve.lots(COLUMNS, BallotBox(election, roll).sift):
            yield from lot

    if strict:
        # What is sent cannot be taken back, so the file is read to its end before anything is.
        for _ in good_ballots():
            pass
        if sieve.errors.reasons:
            return 0
    return send_ballots(settings.kafka, topic, election.partition_count, good_ballots())


class BallotBox:
    """The ballots of a file, judged as the count will judge them, but for when they come and what came before."""

    def __init__(self, election: FrozenElection, roll: Roll) -> None:
        self._election = replace(election, opens_at_ms=None, closes_at_ms=None)
        self._judge = Judge(self._election, roll)
        self._has_voted = bytearray(len(roll.ids))
        # Some 100 bytes a ballot: all that grows with the file.
        self._ballot_ids: set[bytes] = set()

    def sift(self, rows: list[Row]) -> tuple[list[Message], list[BadRow]]:
        """Return key and value of the ballots to send, and the rows of the others."""
        good: list[Message] = []
        bad: list[BadRow] = []
        for row in rows:
            key, value = self._message(row)
            if reason := self._reason_against(key, value):
                bad.append(row.bad(reason, reason.sentence))
            else:
                good.append((key, value))
        return good, bad

    def _message(self, row: Row) -> Message:
        fields = {_ELECTION: self._election.election_id, **row.values}
        return row.values["voter_id"].encode(), json.dumps(fields, separators=(",", ":")).encode()

    def _reason_against(self, key: bytes, value: bytes) -> Reason | None:
        verdict = self._judge.judge_one(partition_of(key, self._election.partition_count), 0, key, value)
        if isinstance(verdict, Reason):
            return verdict
        if verdict.ballot_id in self._ballot_ids:
            return Reason.DUPLICATE_DELIVERY
        if self._has_voted[verdict.voter_number]:
            return Reason.SECOND_BALLOT
        self._ballot_ids.add(verdict.ballot_id)
        self._has_voted[verdict.voter_number] = True
        return None
