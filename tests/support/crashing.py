"""A worker that is killed or stopped at a chosen step of its transaction with Postgres."""

import multiprocessing
import os
from collections.abc import Generator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from typing import Any, ClassVar

import numpy as np
import psycopg

from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judge, Judged, Messages
from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from spark.ledger import Committed, Stretch, Writer, commit
from spark.registry import load_roll, read_frozen
from spark.runs import application_name
from spark.topic import LogReader

# A fork of a small process that knows the modules: 20 ms, and nothing of the test's own threads and sockets.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Work:
    """One stretch of a partition, judged and ready to be committed."""

    conninfo: str
    election: FrozenElection
    roll: Roll
    stretch: Stretch
    judged: Judged | None

    def commit(self, connection: psycopg.Connection, writer: Writer) -> Committed:
        """Commit it as a task does."""
        return commit(connection, writer, self.stretch, self.judged, self.election, self.roll)

    def connected(self, writer: Writer, kind: type[psycopg.Connection] = psycopg.Connection) -> psycopg.Connection:
        """Connect as a worker of this writer does."""
        name = application_name(writer.election_number, writer.epoch)
        return kind.connect(self.conninfo, autocommit=True, application_name=name)


def work_on(settings: Settings, election_id: str, partition: int, start: int, end: int) -> Work:
    """Read offsets [start, end) of a partition and judge them."""
    conninfo = settings.conninfo("counter")
    with psycopg.connect(conninfo) as connection:
        election = read_frozen(connection, election_id)
    roll = load_roll(election, settings.home / "count" / "rolls", conninfo)
    with LogReader(settings.kafka, votes_topic_of(election_id, settings.votes_topic)) as log:
        found = list(log.messages_from(partition, start, end))
    messages = Messages(
        partition,
        np.array([message.offset for message in found], dtype=np.int64),
        np.array([message.timestamp for message in found], dtype=np.int64),
        [message.key for message in found],
        [message.value for message in found],
    )
    judged = Judge(election, roll).judge(messages) if found else None
    return Work(conninfo, election, roll, Stretch(partition, start, end), judged)


class InterruptedConnection(psycopg.Connection):
    """Signals its own process before its nth exchange with the server, or when that one's question is sent."""

    left: ClassVar[int] = 0
    signal: ClassVar[int] = 0
    once_sent: ClassVar[bool] = False

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
        """Go through one exchange with the server."""
        kind = type(self)
        kind.left -= 1
        if kind.left == 0:
            if kind.once_sent:
                next(gen, None)
            os.kill(os.getpid(), kind.signal)
        return super().wait(gen, *arguments, **options)


def interrupted(work: Work, writer: Writer, step: int, signal: int, *, once_sent: bool = False) -> ForkServerProcess:
    """Start a worker that commits the work and gets the signal at the step."""
    process = _PROCESSES.Process(target=_commit_interrupted, args=(work, writer, step, signal, once_sent))
    process.start()
    return process


def _commit_interrupted(work: Work, writer: Writer, step: int, signal: int, once_sent: bool) -> None:
    with work.connected(writer, InterruptedConnection) as connection:
        InterruptedConnection.left, InterruptedConnection.signal = step, signal
        InterruptedConnection.once_sent = once_sent
        work.commit(connection, writer)
        # What is after the commit is nobody's concern.
        InterruptedConnection.left = 0
