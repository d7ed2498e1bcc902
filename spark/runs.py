"""The life of a count run in the ledger: its beginning, its heartbeat, its end, and `reset`."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from election_assets.domain.frozen import FrozenElection
from election_assets.errors import PermanentError, TransientError
from spark.ledger import Writer
from spark.snapshots import take_snapshot

HEARTBEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition of the ledger stands; the last message's append time in milliseconds, for the guard."""

    partition: int
    next_offset: int
    last_offset: int | None
    last_append_time_ms: int | None


def application_name(election_number: int, epoch: int) -> str:
    """Return the name by which the connections of an epoch are found, to end them."""
    return f"election count {election_number}/{epoch}"


def positions(connection: psycopg.Connection, election_number: int) -> list[Position]:
    """Read an election's positions in order of partition."""
    rows = connection.execute(
        "select partition, next_offset, last_offset, (extract(epoch from last_appended_at) * 1000)::bigint"
        " from ledger.positions where election_number = %s order by partition",
        (election_number,),
    )
    return [Position(*row) for row in rows]


def await_no_other_run(connection: psycopg.Connection, election: FrozenElection) -> None:
    """Wait until no other run of the election is alive: at most 15 s, when one died without a word.

    Where the database's clock was put back meanwhile, a heartbeat is of a time to come, and its age says nothing: one
    that stays as it is for three seconds more is a dead run's too. Raises TransientError when one is seen to live.
    """
    first_seen = None
    deadline = time.monotonic() + DEAD_AFTER_SECONDS + HEARTBEAT_SECONDS
    while True:
        row = connection.execute(
            "select run_id, heartbeat_at, extract(epoch from clock_timestamp() - heartbeat_at)"
            " from ledger.count_runs where election_number = %s and ended_at is null"
            " order by epoch desc limit 1",
            (election.election_number,),
        ).fetchone()
        if row is None or row[2] > DEAD_AFTER_SECONDS or time.monotonic() > deadline:
            return
        run_id, heartbeat_at, _ = row
        first_seen = first_seen or heartbeat_at
        if heartbeat_at != first_seen:
            raise TransientError(
                f"Run {run_id} is counting {election.election_id!r} (heartbeat {heartbeat_at:%H:%M:%S} UTC). "
                "An election is counted by one run at a time: wait for it, or end it first."
            )
        time.sleep(0.5)


def begin(connection: psycopg.Connection, election: FrozenElection, run_id: str, partitions: int) -> Writer:
    """Take the count over: end older epochs' connections, then set epoch and run on all positions at once.

    `partitions` is what the topic has; a partition added behind the count gets a position too,
    so that its messages are judged (`wrong_partition`, all of them).
    """
    number = election.election_number
    _end_connections(connection, number)
    with connection.transaction():
        connection.execute(
            "insert into ledger.positions (election_number, partition) select %s, generate_series(0, %s - 1)"
            " on conflict do nothing",
            (number, partitions),
        )
        connection.execute(
            "select 1 from ledger.positions where election_number = %s order by partition for update",
            (number,),
        )
        row = connection.execute(
            "update ledger.positions set run_id = %s, epoch ="
            " 1 + (select max(epoch) from ledger.positions where election_number = %s)"
            " where election_number = %s returning epoch",
            (run_id, number, number),
        ).fetchone()
        assert row is not None
        _end_left_runs(connection, number, "died: its heartbeat stopped")
        connection.execute(
            "insert into ledger.count_runs (election_number, epoch, run_id) values (%s, %s, %s)",
            (number, row[0], run_id),
        )
    return Writer(number, row[0], run_id)


def _end_connections(connection: psycopg.Connection, election_number: int) -> None:
    """End the connections that earlier runs' workers left, and with them their open transactions."""
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user"
        " and datname = current_database() and application_name like %s",
        (application_name(election_number, 0)[:-1] + "%",),
    )


def _end_left_runs(connection: psycopg.Connection, election_number: int, why: str) -> None:
    connection.execute(
        "update ledger.count_runs set ended_at = clock_timestamp(), ended_why = %s"
        " where election_number = %s and ended_at is null",
        (why, election_number),
    )


def end(connection: psycopg.Connection, writer: Writer, why: str) -> None:
    """Say that a run has ended, and why."""
    connection.execute(
        "update ledger.count_runs set ended_at = clock_timestamp(), ended_why = %s"
        " where election_number = %s and epoch = %s and ended_at is null",
        (why, writer.election_number, writer.epoch),
    )


def say_log_end(connection: psycopg.Connection, writer: Writer, log_end: int) -> None:
    """Say where the log of a run's election ends now, summed over partitions."""
    connection.execute(
        "update ledger.count_runs set log_end = %s, log_end_at = clock_timestamp()"
        " where election_number = %s and epoch = %s",
        (log_end, writer.election_number, writer.epoch),
    )


def reset(connection: psycopg.Connection, election: FrozenElection) -> int:
    """Empty the ledger of an election, so that the next count judges the log from offset 0; return the recount.

    Raises TransientError while a run is alive.
    """
    await_no_other_run(connection, election)
    number = election.election_number
    _end_connections(connection, number)
    with connection.transaction():
        connection.execute(
            "select 1 from ledger.positions where election_number = %s order by partition for update",
            (number,),
        )
        connection.execute("set local statement_timeout = '10min'")
        for table in (
            "participation",
            "ballot_counts",
            "voter_group_counts",
            "arrivals",
            "contest_ballots",
            "tallies",
            "uncounted",
            "batches",
        ):
            connection.execute(f"delete from ledger.{table} where election_number = %s", (number,))  # noqa: S608
        row = connection.execute(
            "update ledger.positions set next_offset = 0, counted = 0, rejected = 0, quarantined = 0, holes = 0,"
            " last_offset = null, last_appended_at = null, committed_at = clock_timestamp(), run_id = null,"
            " recount = recount + 1, epoch = 1 + (select max(epoch) from ledger.positions where election_number = %s)"
            " where election_number = %s returning recount, epoch",
            (number, number),
        ).fetchone()
        if row is not None:
            take_snapshot(connection, number, row[1])
        _end_left_runs(connection, number, "reset: the ledger was emptied")
    if row is None:
        raise PermanentError(f"Nothing of {election.election_id!r} has been counted yet: there is nothing to reset.")
    return int(row[0])


class Heartbeat:
    """Keeps a run alive in `count_runs` from a thread of its own; `lost` says why it no longer is.

    It does not beat while the run `is_stuck`, so that another one may take over from a run that cannot even end.
    """

    def __init__(self, conninfo: str, writer: Writer, is_stuck: Callable[[], bool]) -> None:
        self._conninfo = conninfo
        self._writer = writer
        self._is_stuck = is_stuck
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.lost: str | None = None

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=2 * HEARTBEAT_SECONDS)

    def _beat(self) -> None:
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=2) as connection:
                    while (self._is_stuck() or self._is_ours(connection)) and not self._stopped.wait(HEARTBEAT_SECONDS):
                        pass
            except psycopg.Error:
                # The count's own transactions find a database that is away; the next beat connects anew.
                continue
            if self.lost:
                return

    def _is_ours(self, connection: psycopg.Connection) -> bool:
        row = connection.execute(
            "update ledger.count_runs set heartbeat_at = clock_timestamp()"
            " where election_number = %s and epoch = %s and ended_at is null returning 1",
            (self._writer.election_number, self._writer.epoch),
        ).fetchone()
        if row is None:
            self.lost = "another run has taken over the count"
        return row is not None
