"""Casting: the voters of a replay or a synthetic election send their ballots to the log, and nowhere else."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from election_assets.domain.election import Election
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import ballot_count, messages
from election_assets.domain.topics import votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.registry import hash_of
from election_assets.resources.vote_log import send_ballots
from election_assets.settings import Settings
from spark.topic import LogReader, TopicFacts, latest_value, topic_facts


@dataclass(frozen=True, slots=True)
class Cast:
    """How many ballots this call sent, and how many of the election's were in the log before."""

    sent: int
    already_in_log: int
    total: int


def cast(
    settings: Settings,
    election: Election,
    *,
    rate: float | None = None,
    seed: int | None = None,
    limit: int | None = None,
    wait_seconds: float = 60,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    is_over: Callable[[], bool] = lambda: False,
) -> Cast:
    """Cast the election's ballots that are not in the log yet, at most `limit`, `rate` a second if given.

    Ballot ids are derived from the seed, so a ballot that is sent twice counts once; what the
    log has is skipped all the same. `report` is told ballots in the log and in all. Once
    `is_over` says so no more are cast.
    """
    topic = votes_topic_of(election.election_id, settings.votes_topic)
    if _facts_when_there(settings.kafka, topic, wait_seconds) is None:
        raise PermanentError(f"Kafka has no topic {topic!r}: `election open {election.election_id}` makes it.")
    _refuse_another_folder(settings, election)
    total = ballot_count(election)
    ballots = _Ballots(election, seed, _fingerprints_in_log(settings.kafka, topic))
    sent = send_ballots(
        settings.kafka,
        topic,
        election.partition_count,
        takewhile(lambda _: not is_over(), _paced(islice(ballots.not_in_log(), limit), rate)),
        lambda acknowledged: report(ballots.in_log + acknowledged, total),
        wait_seconds,
    )
    return Cast(sent, ballots.in_log, total)


def _refuse_another_folder(settings: Settings, election: Election) -> None:
    """Refuse a folder that was changed since its election was opened: its ballots could not be placed."""
    freeze = latest_value(settings.kafka, settings.elections_topic, election.election_id.encode())
    if freeze is None or json.loads(freeze).get("folder_hash") != hash_of(election):
        raise PermanentError(
            f"Election {election.election_id!r} was not opened with this folder: its ballots could not be counted. "
            "Cast from the folder that was registered, or register this one under another id."
        )


def _facts_when_there(kafka: KafkaCluster, topic: str, wait_seconds: float) -> TopicFacts | None:
    """Return what the topic is, waiting for a broker that is away."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return topic_facts(kafka, topic)
        except TransientError:
            if time.monotonic() > deadline:
                raise


class _Ballots:
    """The election's ballots; those that the log has are passed over and numbered in `in_log`."""

    def __init__(self, election: Election, seed: int | None, known: set[bytes]) -> None:
        self._election = election
        self._messages = messages(election, seed)
        self._known = known
        self.in_log = 0

    def not_in_log(self) -> Iterator[tuple[bytes, bytes]]:
        if not self._known:
            yield from self._messages
        for key, value in self._messages:
            partition = partition_of(key, self._election.partition_count)
            if _fingerprint(partition, key, value) in self._known:
                self.in_log += 1
            else:
                yield key, value


def _fingerprints_in_log(kafka: KafkaCluster, topic: str) -> set[bytes]:
    with LogReader(kafka, topic) as log:
        return {
            _fingerprint(partition, message.key, message.value)
            for partition, (start, stop) in log.starts_and_ends().items()
            for message in log.messages_from(partition, start, stop)
        }


def _fingerprint(partition: int, key: bytes | None, value: bytes | None) -> bytes:
    """Return 16 bytes that tell messages apart: only the very same one, in its place, is in the log already."""
    return hashlib.blake2b(b"%d %b %b" % (partition, key or b"", value or b""), digest_size=16).digest()


def _paced(ballots: Iterable[tuple[bytes, bytes]], rate: float | None) -> Iterator[tuple[bytes, bytes]]:
    """Let `rate` ballots a second through, without drifting; all of them at once where it is None."""
    started = time.monotonic()
    for number, ballot in enumerate(ballots):
        if rate is not None:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield ballot
