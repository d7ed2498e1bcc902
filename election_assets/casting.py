"""Casting: the voters of a replay or a synthetic election send their ballots to the log, and nowhere else."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from election_assets.domain.ballot import read_plain_ballot
from election_assets.domain.election import Election
from election_assets.domain.replay import ballot_count, messages
from election_assets.domain.topics import votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.resources.vote_log import send_ballots
from election_assets.settings import Settings
from spark.topic import LogReader, TopicFacts, topic_facts


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
) -> Cast:
    """Cast the election's ballots that are not in the log yet, at most `limit`, `rate` a second if given.

    Ballot ids are derived from the seed, so a ballot that is sent twice counts once; what the
    log has is skipped all the same. `report` is told ballots in the log and in all.
    """
    topic = votes_topic_of(election.election_id, settings.votes_topic)
    if _facts_when_there(settings.bootstrap_servers, topic, wait_seconds) is None:
        raise PermanentError(f"Kafka has no topic {topic!r}: `election open {election.election_id}` makes it.")
    total = ballot_count(election)
    ballots = _Ballots(election, seed, _ballot_ids_in_log(settings.bootstrap_servers, topic))
    sent = send_ballots(
        settings.bootstrap_servers,
        topic,
        election.partition_count,
        _paced(islice(ballots.not_in_log(), limit), rate),
        lambda acknowledged: report(ballots.in_log + acknowledged, total),
        wait_seconds,
    )
    return Cast(sent, ballots.in_log, total)


def _facts_when_there(bootstrap_servers: str, topic: str, wait_seconds: float) -> TopicFacts | None:
    """Return what the topic is, waiting for a broker that is away."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return topic_facts(bootstrap_servers, topic)
        except TransientError:
            if time.monotonic() > deadline:
                raise


class _Ballots:
    """The election's ballots; those that the log has are passed over and numbered in `in_log`."""

    def __init__(self, election: Election, seed: int | None, known: set[str]) -> None:
        self._messages = messages(election, seed)
        self._known = known
        self.in_log = 0

    def not_in_log(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._messages:
            if self._known and _ballot_id(value) in self._known:
                self.in_log += 1
            else:
                yield key, value


def _ballot_ids_in_log(bootstrap_servers: str, topic: str) -> set[str]:
    with LogReader(bootstrap_servers, topic) as log:
        return {
            ballot_id
            for partition, (start, stop) in log.starts_and_ends().items()
            for message in log.messages_from(partition, start, stop)
            if (ballot_id := _ballot_id(message.value))
        }


def _ballot_id(value: bytes | None) -> str | None:
    ballot = read_plain_ballot(value)
    return ballot.ballot_id if ballot else None


def _paced(ballots: Iterable[tuple[bytes, bytes]], rate: float | None) -> Iterator[tuple[bytes, bytes]]:
    """Let `rate` ballots a second through, without drifting; all of them at once where it is None."""
    started = time.monotonic()
    for number, ballot in enumerate(ballots):
        if rate is not None:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield ballot
