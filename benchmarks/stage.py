"""The stage of a benchmark: engines of its own, a synthetic election, and its ballots as a backlog in the log."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from election_assets.domain.election import Election
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election
from election_assets.domain.topics import votes_topic_of
from election_assets.opening import open_election
from election_assets.registry import register
from election_assets.resources.vote_log import BATCH_BYTES
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.home import Home

TURNOUT = 0.7


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a benchmark plays. `ballot_count` messages are in the log, each voter's first and only."""

    settings: Settings
    election: Election
    ballot_count: int
    environment: dict[str, str]

    @property
    def topic(self) -> str:
        """Return the votes topic."""
        return votes_topic_of(self.election.election_id, self.settings.votes_topic)


@contextmanager
def staged(ballots: int) -> Iterator[Stage]:
    """Set the stage for some `ballots` with three contests, and clear it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="election-bench-"))
    folder.chmod(0o755)
    home = Home(folder)
    environment = {**os.environ, "ELECTION_HOME": str(folder)}
    stack.up(home)
    try:
        settings = Settings.from_environment({"ELECTION_HOME": str(folder)})
        install_schema(settings.conninfo("owner"))
        election = generate_election("bench", round(ballots / TURNOUT), contests=3, turnout=TURNOUT)
        register(settings.conninfo("registrar"), election)
        topic = open_election(settings, election.election_id).topic
        yield Stage(settings, election, _fill(settings, election, topic), environment)
    finally:
        stack.down(home)
        shutil.rmtree(folder, ignore_errors=True)


def _fill(settings: Settings, election: Election, topic: str) -> int:
    """Send all ballots with librdkafka: kafka-python would take a minute a million."""
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "enable.idempotence": True,
            "batch.size": BATCH_BYTES,
            "linger.ms": 20,
            "queue.buffering.max.messages": 200_000,
        }
    )
    sent = 0
    for key, value in messages(election):
        partition = partition_of(key, election.partition_count)
        while True:
            try:
                producer.produce(topic, value=value, key=key, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
        sent += 1
    producer.flush()
    return sent
