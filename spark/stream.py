"""The count run: from the guard and the takeover to the last commit."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from election_assets.domain.frozen import FrozenElection
from election_assets.errors import ElectionError, PermanentError, TransientError
from spark import workers
from spark.count import COMMITTED_SCHEMA, CountPlan, counted_stretches
from spark.failures import TASK_FAILURES, is_workers_death, jvm_errors, postgres_away, told_by_worker
from spark.figures import CountFigures
from spark.guard import check_database, check_log
from spark.ledger import Committed, Stretch, analyze, commit, halves, record_batch
from spark.readiness import check_log_and_freeze, results_topic
from spark.registry import check_and_keep_roll, load_roll, read_frozen
from spark.runs import Heartbeat, application_name, await_no_other_run, begin, end, positions, say_log_end
from spark.settings import CountSettings
from spark.snapshots import Snapshots
from spark.source import batch_ends, only, read_votes
from spark.topic import Leaders, LogReader

_POLL_SECONDS = 0.1
_BOUNDARY_SECONDS = 10.0
_GUARD_SECONDS = 30.0
_LOG_END_SECONDS = 3.0
_LEFT_SECONDS = 86_400.0
# A worker that dies may have been killed by somebody, too.
_TRIES_OF_ONE_MESSAGE = 3


def count(
    session: SparkSession,
    settings: CountSettings,
    report: Callable[[CountFigures], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> CountFigures:
    """Judge what is in the log and what arrives, until idle or at the end of the run's life.

    `report` is told the figures after each micro-batch; setting `stop` ends the run at the next
    batch boundary. Raises PermanentError where the guard refuses or the run is superseded,
    TransientError where an engine is away: a later run goes on where this one committed last.
    """
    try:
        with psycopg.connect(settings.conninfo, autocommit=True) as connection:
            election = read_frozen(connection, settings.election_id)
            check_database(connection)
            check_and_keep_roll(connection, election, settings.work_folder / "rolls")
            await_no_other_run(connection, election)
            with LogReader(settings.kafka, settings.topic) as log, Leaders(settings.kafka, settings.topic) as leaders:
                check_log_and_freeze(connection, settings, election, log)
                run = CountRun(session, settings, connection, election, log, leaders, report)
                return run.to_its_end(stop or threading.Event())
    except psycopg.OperationalError as error:
        raise postgres_away(error) from error


class CountRun:
    """One run of the count: takes the election over, drives the micro-batches, says its end."""

    def __init__(
        self,
        session: SparkSession,
        settings: CountSettings,
        connection: psycopg.Connection,
        election: FrozenElection,
        log: LogReader,
        leaders: Leaders,
        report: Callable[[CountFigures], None],
    ) -> None:
        self._session = session
        self._settings = settings
        self._connection = connection
        self._log = log
        self._report = report
        ends = log.starts_and_ends()
        writer = begin(connection, election, settings.run_id, len(ends))
        self._checkpoint = _fresh_folder(settings.work_folder / "checkpoints" / election.election_id)
        self._plan = CountPlan(writer, election, settings.conninfo, settings.work_folder)
        self._next = {one.partition: one.next_offset for one in positions(connection, election.election_number)}
        self._figures = CountFigures(
            settings.run_id,
            position=sum(self._next.values()),
            log_end=sum(stop for _, stop in ends.values()),
        )
        self._snapshots = Snapshots(settings.conninfo, writer.election_number, writer.epoch, self._figures.position)
        self._leaders = leaders
        self._leader_epochs = leaders.epochs()
        self._boundary = threading.Lock()
        self._stopping = False
        self._active_at = time.monotonic()
        self._starting_since: float | None = None
        self._batch_began_at: float | None = None
        self._error: ElectionError | None = None

    def to_its_end(self, stop: threading.Event) -> CountFigures:
        """Count until there is a reason to end; return the figures with it."""
        why = "failed"
        try:
            with (
                results_topic(self._settings) as self._topic,
                Heartbeat(self._settings.conninfo, self._plan.writer, self._is_stuck) as heartbeat,
            ):
                self._topic.publish()
                with jvm_errors():
                    why = self._stream(heartbeat, stop)
                self._topic.publish()
                self._snapshots.take()
                analyze(self._connection)
        except ElectionError as error:
            why = f"failed: {error}"
            raise
        finally:
            shutil.rmtree(self._checkpoint, ignore_errors=True)
            self._say_end(why)
        return replace(self._figures, ended_why=why)

    def _stream(self, heartbeat: Heartbeat, stop: threading.Event) -> str:
        self._starting_since = time.monotonic()
        workers.warm_up(self._session, self._plan)
        self._active_at = time.monotonic()
        query = (
            read_votes(self._session, self._settings, self._next)
            .writeStream.option("checkpointLocation", self._checkpoint.as_uri())
            .foreachBatch(self._count_batch)
            .start()
        )
        self._starting_since = None
        try:
            return self._watch(query, heartbeat, stop)
        finally:
            # A batch under way is let finish; a stuck one is cancelled, and none of its open transactions commits.
            is_at_boundary = self._boundary.acquire(timeout=_BOUNDARY_SECONDS)
            self._stopping = True
            if is_at_boundary:
                self._boundary.release()
            query.stop()

    def _watch(self, query: StreamingQuery, heartbeat: Heartbeat, stop: threading.Event) -> str:
        started = guarded_at = time.monotonic()
        log_end_at = kept_at = 0.0
        life = self._settings.max_life_seconds
        while query.isActive:
            if time.monotonic() - guarded_at > _GUARD_SECONDS:
                check_database(self._connection)
                check_log_and_freeze(self._connection, self._settings, self._plan.election, self._log)
                guarded_at = time.monotonic()
            if time.monotonic() - log_end_at > _LOG_END_SECONDS:
                self._say_log_end()
                log_end_at = time.monotonic()
            if self._batch_began_at is None and time.monotonic() - max(kept_at, self._active_at) > workers.KEEP_SECONDS:
                workers.keep(self._session)
                kept_at = time.monotonic()
            self._topic.publish_if_due(self._figures.position)
            self._snapshots.take_if_due(self._figures.position)
            if stop.is_set():
                return "stopped on request"
            if heartbeat.lost:
                raise PermanentError(f"Run {self._settings.run_id} ends: {heartbeat.lost}.")
            if self._is_stuck():
                raise TransientError(
                    f"A micro-batch did not end within {self._settings.stuck_seconds:g} s: a Python worker is stopped "
                    "or stuck, and is ended with this run; what was committed stands. Count again."
                )
            if life is not None and time.monotonic() - started > life:
                return f"end of its life of {life:g} s"
            if time.monotonic() - self._active_at > self._settings.idle_seconds and self._is_all_judged():
                return f"idle for {self._settings.idle_seconds:g} s"
            time.sleep(_POLL_SECONDS)
        raise self._error or TransientError(f"Spark ended the count: {told_by_worker(query.exception())}")

    def _say_log_end(self) -> None:
        # A broker that is away is found by the micro-batches, which wait longer than this may.
        with suppress(TransientError):
            log_end = sum(stop for _, stop in self._log.starts_and_ends().values())
            say_log_end(self._connection, self._plan.writer, log_end)

    def _is_stuck(self) -> bool:
        begun = (self._starting_since, self._batch_began_at)
        return any(one is not None and time.monotonic() - one > self._settings.stuck_seconds for one in begun)

    def _is_all_judged(self) -> bool:
        return all(stop == self._next.get(one, 0) for one, (_, stop) in self._log.starts_and_ends().items())

    def _count_batch(self, frame: DataFrame, batch_id: int) -> None:
        with self._boundary:
            if self._stopping:
                return
            self._batch_began_at = time.monotonic()
            try:
                self._count_stretches(frame, batch_id)
            except ElectionError as error:
                self._error = error
                raise
            except psycopg.OperationalError as error:
                self._error = postgres_away(error)
                raise self._error from error
            except TASK_FAILURES as error:
                self._error = TransientError(f"A task of micro-batch {batch_id} failed: {told_by_worker(error)}")
                raise self._error from error
            finally:
                self._batch_began_at = None

    def _count_stretches(self, frame: DataFrame, batch_id: int) -> None:
        started_at, started = datetime.now(UTC), time.monotonic()
        self._check_new_leaders()
        ends = batch_ends(self._checkpoint, batch_id, self._settings.topic)
        stretches = {one: Stretch(one, self._next.get(one, 0), stop) for one, stop in ends.items()}
        committed = self._counted(frame, stretches)
        self._next.update({one: done.next_offset for one, done in committed.items()})
        self._figures = self._figures.after(list(committed.values()), sum(self._next.values()))
        record_batch(
            self._connection,
            self._plan.writer,
            batch_id,
            started_at,
            round((time.monotonic() - started) * 1000),
            list(committed.values()),
            self._figures.position,
        )
        if batch_id == 0:
            analyze(self._connection)
        self._active_at = time.monotonic()
        self._report(self._figures)

    def _counted(self, frame: DataFrame, stretches: Mapping[int, Stretch], tries: int = 1) -> dict[int, Committed]:
        """Count stretches of a micro-batch, a task for each.

        Where a worker dies of them, they are counted in halves, down to the message that does it: PermanentError.
        """
        self._batch_began_at = time.monotonic()
        try:
            rows = frame.mapInArrow(counted_stretches(self._plan, stretches), COMMITTED_SCHEMA).collect()
        except TASK_FAILURES as error:
            if not is_workers_death(error):
                raise
            return self._counted_in_halves(frame, stretches, tries, error)
        refusals = [row.refusal for row in rows if row.refusal]
        if refusals:
            raise PermanentError(refusals[0])
        committed = {row.partition: Committed(*row[:-1]) for row in rows}
        for partition, stretch in stretches.items():
            if partition not in committed and stretch.end > stretch.start:
                committed[partition] = self._only_holes(stretch)
        return committed

    def _counted_in_halves(
        self, frame: DataFrame, stretches: Mapping[int, Stretch], tries: int, error: Exception
    ) -> dict[int, Committed]:
        parts = halves(list(stretches.values()))
        if parts:
            committed: dict[int, Committed] = {}
            for half in parts:
                for partition, later in self._counted(only(frame, half), {one.partition: one for one in half}).items():
                    before = committed.get(partition)
                    committed[partition] = before.and_then(later) if before else later
            return committed
        if tries < _TRIES_OF_ONE_MESSAGE:
            return self._counted(frame, stretches, tries + 1)
        (place,) = (f"{one.partition}:{one.start}" for one in stretches.values())
        raise PermanentError(
            f"A worker dies of message {place} whenever it judges it ({told_by_worker(error)}). What was committed "
            f"stands. `election inspect {self._plan.election.election_id} {place}` shows the message; please report it."
        ) from error

    def _check_new_leaders(self) -> None:
        """Look at the log again where a partition has a new leader: it may have been cut, and have grown again."""
        settings = self._settings
        epochs = self._leaders.epochs()
        if epochs == self._leader_epochs:
            return
        # A reader of this thread's own: the other one is used by the thread that watches.
        with LogReader(settings.kafka, settings.topic) as log:
            check_log(log, positions(self._connection, self._plan.election.election_number), settings.topic)
        self._leader_epochs = epochs

    def _only_holes(self, stretch: Stretch) -> Committed:
        """Commit a stretch of which the log delivered nothing: transaction markers alone."""
        election = self._plan.election
        roll = load_roll(election, self._settings.work_folder / "rolls", self._settings.conninfo)
        writer = self._plan.writer
        # Named as the workers' connections are, so that a successor can end it where this driver is stopped in it.
        name = application_name(writer.election_number, writer.epoch)
        with psycopg.connect(self._settings.conninfo, autocommit=True, application_name=name) as connection:
            return commit(connection, writer, stretch, None, election, roll)

    def _say_end(self, why: str) -> None:
        try:
            with psycopg.connect(self._settings.conninfo, autocommit=True, connect_timeout=5) as connection:
                end(connection, self._plan.writer, why)
        except psycopg.OperationalError:
            # The database is away, so the end goes unsaid; the silent heartbeat says it after 15 s.
            return


def _fresh_folder(place: Path) -> Path:
    """Return an empty folder in `place`, and remove what killed runs left there a day ago or earlier."""
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=place))
