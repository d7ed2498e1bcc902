"""Voters who cast at a rate, each at a moment of its own, and when their ballots were seen in the database."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import psycopg
from confluent_kafka import Message, Producer

from benchmarks.looking import looking
from benchmarks.stage import Stage
from election_assets.domain.partitioning import partition_of

_LOOK_EVERY_SECONDS = 0.05
_PATIENCE_SECONDS = 300.0
_POSITIONS = (
    "select partition, next_offset from ledger.positions join registry.elections using (election_number)"
    " where election_id = %s"
)
_TURNOUT_ROWS = "select * from marts.fct_turnout where election_id = %s"


@dataclass(slots=True)
class Seen:
    """Up to where the database had the log, partition by partition, at moments of the monotonic clock."""

    times: list[float] = field(default_factory=list)
    ends: list[dict[int, int]] = field(default_factory=list)

    def position(self) -> np.ndarray:
        """Return the positions seen, summed over partitions."""
        return np.array([sum(ends.values()) for ends in self.ends])


@dataclass(slots=True)
class Cast:
    """What was cast: the moment at which each ballot was due, and where the log has it (partition, offset)."""

    due: list[float] = field(default_factory=list)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def is_in(self, seen: Seen) -> bool:
        """Tell whether all of it is acknowledged, and in what was seen last."""
        ends = seen.ends[-1] if seen.ends else {}
        last = dict(sorted(self.places.values()))
        return len(self.places) == len(self.due) and all(at < ends.get(one, 0) for one, at in last.items())

    def seconds_until(self, seen: Seen, after_seconds: float) -> np.ndarray:
        """Return the seconds from each ballot's moment until it was seen, for those due after so many seconds."""
        times, due = np.array(seen.times), np.array(self.due)
        partitions, offsets = np.array([self.places[number] for number in range(len(due))]).T
        found = np.empty(len(due))
        for partition in np.unique(partitions):
            ends = np.array([ends.get(int(partition), 0) for ends in seen.ends])
            of_it = partitions == partition
            found[of_it] = times[np.searchsorted(ends, offsets[of_it], side="right")]
        taken: np.ndarray = (found - due)[due - due[0] >= after_seconds]
        return taken


def _settle(made: Cast, number: int, error: object, message: Message) -> None:
    partition, offset = message.partition(), message.offset()
    if error is None and partition is not None and offset is not None:
        made.places[number] = (partition, offset)


class Voters:
    """Those of a stage whose ballots wait; they cast through one producer, whatever became of the ballots before."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._producer = Producer(
            {
                "bootstrap.servers": stage.brokers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    def cast(self, rate: float, seconds: float, made: Cast | None = None) -> Cast:
        """Cast at a rate for so long, on top of what was `made`; return when all of it is acknowledged."""
        made = made or Cast()
        stage, producer = self._stage, self._producer
        started = time.monotonic()
        for number in range(int(rate * seconds)):
            due = started + number / rate
            while (early := due - time.monotonic()) > 0:
                producer.poll(min(early, 0.005))
            key, value = next(stage.waiting)

            settled = partial(_settle, made, len(made.due))
            partition = partition_of(key, stage.election.partition_count)
            producer.produce(stage.topic, value=value, key=key, partition=partition, on_delivery=settled)
            producer.poll(0)
            made.due.append(due)
        producer.flush()
        stage.ballot_count += int(rate * seconds)
        return made


@contextmanager
def committed(stage: Stage) -> Iterator[Seen]:
    """Note, while the body runs, up to where the ledger has the log."""
    seen = Seen()
    with looking(stage.settings.conninfo("auditor"), _look(stage, seen), _LOOK_EVERY_SECONDS):
        yield seen


@contextmanager
def visible(stage: Stage) -> Iterator[Seen]:
    """Read the turnout as a page does, while the body runs, and note up to where the answers have the log."""
    seen = Seen()
    with looking(stage.settings.conninfo("owner"), _look(stage, seen, reads_mart=True), _LOOK_EVERY_SECONDS):
        yield seen


def _look(stage: Stage, seen: Seen, reads_mart: bool = False) -> Callable[[psycopg.Connection], None]:
    election_id = stage.election.election_id

    def look(connection: psycopg.Connection) -> None:
        if reads_mart:
            connection.execute(_TURNOUT_ROWS, (election_id,)).fetchall()
        positions = connection.execute(_POSITIONS, (election_id,)).fetchall()
        seen.times.append(time.monotonic())
        seen.ends.append(dict(positions))

    return look


@contextmanager
def counting(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """Count in a process of its own, as long as the body runs."""
    command = [sys.executable, "-m", "election_assets", "count", stage.election.election_id]
    process = subprocess.Popen(command, env=stage.environment, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def awaited(happened: Callable[[], bool]) -> None:
    """Wait until it has happened; raise RuntimeError where that takes too long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise RuntimeError(f"What was cast is not counted after {_PATIENCE_SECONDS:g} s.")
        time.sleep(0.05)
