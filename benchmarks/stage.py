"""The stage of a benchmark: engines of its own, a synthetic election, and its ballots for a backlog in the log."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from confluent_kafka import Producer

from election_assets.domain.election import Election
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import messages
from election_assets.domain.topics import votes_topic_of
from election_assets.opening import open_election
from election_assets.registry import register
from election_assets.resources.vote_log import BATCH_BYTES
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.home import Home


@dataclass(slots=True)
class Stage:
    """Where a benchmark plays. Of the `ballot_count` messages in the log so far, `uncounted_count` will not count."""

    settings: Settings
    election: Election
    environment: dict[str, str]
    waiting: Iterator[tuple[bytes, bytes]]
    ballot_count: int = 0
    uncounted_count: int = 0

    @property
    def brokers(self) -> str:
        """Return the brokers' addresses."""
        return str(self.settings.kafka)

    @property
    def topic(self) -> str:
        """Return the votes topic."""
        return votes_topic_of(self.election.election_id, self.settings.votes_topic)

    def send(self, until: int | None = None) -> None:
        """Send ballots until so many are in the log, or all, with librdkafka: kafka-python takes a minute a million."""
        producer = Producer(
            {
                "bootstrap.servers": self.brokers,
                "enable.idempotence": True,
                "batch.size": BATCH_BYTES,
                "linger.ms": 20,
                "queue.buffering.max.messages": 200_000,
            }
        )
        for key, value in islice(self.waiting, None if until is None else until - self.ballot_count):
            partition = partition_of(key, self.election.partition_count)
            while True:
                try:
                    producer.produce(self.topic, value=value, key=key, partition=partition)
                    break
                except BufferError:
                    producer.poll(0.1)
            self.ballot_count += 1
        producer.flush()


@contextmanager
def engines(size: stack.Size) -> Iterator[Settings]:
    """Start engines in a folder of their own, and remove them afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="election-bench-"))
    folder.chmod(0o755)
    home = Home(folder)
    stack.up(home, size=size)
    try:
        settings = Settings.from_environment({"ELECTION_HOME": str(folder)})
        install_schema(settings.conninfo("owner"))
        yield settings
    finally:
        stack.down(home)
        shutil.rmtree(folder, ignore_errors=True)


def opened(settings: Settings, election: Election) -> Stage:
    """Register and open an election; its ballots wait to be sent."""
    register(settings.conninfo("registrar"), election)
    open_election(settings, election.election_id)
    environment = {**os.environ, "ELECTION_HOME": str(settings.home)}
    return Stage(settings, election, environment, messages(election))
