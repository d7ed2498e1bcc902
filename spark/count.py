"""The count of one micro-batch: a task per Kafka partition, each judging and committing its own."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
import pyarrow as pa

from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judge, Judged, Messages
from election_assets.errors import PermanentError, TransientError
from spark.ledger import Committed, Stretch, Writer, commit
from spark.registry import load_roll
from spark.runs import application_name

COMMITTED_SCHEMA = (
    "partition int, messages bigint, counted bigint, rejected bigint, quarantined bigint, holes bigint,"
    " next_offset bigint, refusal string"
)
RECONNECT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class CountPlan:
    """What every task of a run is told."""

    writer: Writer
    election: FrozenElection
    conninfo: str = field(repr=False)
    work_folder: Path


def counted_stretches(
    plan: CountPlan, stretches: Mapping[int, Stretch]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the task for `mapInArrow`: it counts its partition's messages and yields one row of figures.

    A refusal (PermanentError) comes back as a row, since Spark would try the task again; a
    TransientError is raised, so that it does.
    """

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        messages = _gathered(batches)
        if messages is None:
            return
        stretch = stretches[messages.partition]
        try:
            yield _figures(_worker(plan).count(stretch, messages), None)
        except PermanentError as refusal:
            yield _figures(Committed(stretch.partition, 0, 0, 0, 0, 0, stretch.start), str(refusal))

    return task


def warmed(plan: CountPlan) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a task that only makes a worker ready: imports, the roll mapped, a connection open."""

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        worker = _worker(plan)
        for batch in batches:
            worker.connection.execute("select 1")
            yield batch

    return task


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what comes: the task that only keeps a worker from being idle."""
    yield from batches


class Worker:
    """What a Python worker keeps between tasks: the judge with its roll, and one connection."""

    def __init__(self, plan: CountPlan) -> None:
        self.plan = plan
        self.roll: Roll = load_roll(plan.election, plan.work_folder / "rolls", plan.conninfo)
        self.judge = Judge(plan.election, self.roll)
        self._connection: psycopg.Connection | None = None

    @property
    def connection(self) -> psycopg.Connection:
        """Return the worker's connection, opened anew where it broke; wait a while for a restarting database."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while self._connection is None or self._connection.closed:
            try:
                self._connection = psycopg.connect(
                    self.plan.conninfo,
                    autocommit=True,
                    application_name=application_name(self.plan.writer.election_number, self.plan.writer.epoch),
                )
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise TransientError(f"Postgres did not answer for {RECONNECT_SECONDS:.0f} s: {error}") from error
                time.sleep(0.5)
        return self._connection

    def count(self, stretch: Stretch, messages: Messages) -> Committed:
        """Judge the messages of a stretch and commit them."""
        judged = self._judged(messages)
        connection = self.connection
        try:
            return commit(connection, self.plan.writer, stretch, judged, self.plan.election, self.roll)
        except TransientError:
            connection.close()
            raise

    def _judged(self, messages: Messages) -> Judged:
        # Decoding makes no cycles; with the collector on it costs 3 µs a ballot.
        gc.disable()
        try:
            return self.judge.judge(messages)
        finally:
            gc.enable()


_workers: dict[Writer, Worker] = {}


def _worker(plan: CountPlan) -> Worker:
    worker = _workers.get(plan.writer)
    if worker is None:
        _workers.clear()
        worker = _workers[plan.writer] = Worker(plan)
        # Spark's worker collects after every task: 80 ms over all that is imported, if not frozen.
        gc.freeze()
    return worker


def _gathered(batches: Iterator[pa.RecordBatch]) -> Messages | None:
    """Return all messages of the task, which are one partition's in order of offset; None without any."""
    table = list(batches)
    if not sum(batch.num_rows for batch in table):
        return None
    columns = pa.Table.from_batches(table)
    return Messages(
        partition=columns["partition"][0].as_py(),
        offsets=columns["offset"].to_numpy(),
        append_times_ms=columns["append_time_ms"].to_numpy(),
        keys=columns["key"].to_pylist(),
        values=columns["value"].to_pylist(),
    )


def _figures(committed: Committed, refusal: str | None) -> pa.RecordBatch:
    row = asdict(committed) | {"refusal": refusal}
    types = [pa.int32()] + [pa.int64()] * 6 + [pa.string()]
    return pa.RecordBatch.from_arrays(
        [pa.array([value], kind) for value, kind in zip(row.values(), types, strict=True)], names=list(row)
    )
