"""The ledger's transaction: what one task writes about one stretch of one Kafka partition.

How a run begins, lives and ends in the ledger is in `runs.py`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judged, Uncounted
from election_assets.domain.verdict import Reason, Verdict
from election_assets.errors import PermanentError, TransientError
from spark.additions import Additions, Columns, add_up
from spark.participation import settle

_COLUMNS = {
    "ballot_counts": "precinct_number int, ballot_style_number int, method_number int | ballot_count, blank_count",
    "contest_ballots": "contest_number int, precinct_number int, method_number int"
    " | ballot_count, undervote_count, overvote_count",
    "tallies": "contest_number int, candidate_number int, precinct_number int, method_number int | vote_count",
    "voter_group_counts": "parent_number int, age_group text, gender text | ballot_count",
    "arrivals": "arrival_minute timestamptz, method_number int | ballot_count",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: an election's count run. A later epoch fences all earlier ones off."""

    election_number: int
    epoch: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Offsets of a partition that one task judges: [start, end). Those not delivered are holes."""

    partition: int
    start: int
    end: int


def halves(stretches: Sequence[Stretch]) -> list[Sequence[Stretch]]:
    """Return stretches in two parts, of which the first comes first in each partition; none of a single offset."""
    longer = [one for one in stretches if one.end > one.start]
    if len(longer) > 1:
        return [longer[: len(longer) // 2], longer[len(longer) // 2 :]]
    (one,) = longer
    middle = one.start + (one.end - one.start) // 2
    return [] if middle == one.start else [[replace(one, end=middle)], [replace(one, start=middle)]]


@dataclass(frozen=True, slots=True)
class Committed:
    """What one task's transaction added to the ledger."""

    partition: int
    messages: int
    counted: int
    rejected: int
    quarantined: int
    holes: int
    next_offset: int

    def and_then(self, later: "Committed") -> "Committed":
        """Return this and what was added to the same partition after it."""
        return Committed(
            self.partition,
            self.messages + later.messages,
            self.counted + later.counted,
            self.rejected + later.rejected,
            self.quarantined + later.quarantined,
            self.holes + later.holes,
            later.next_offset,
        )


def commit(
    connection: psycopg.Connection,
    writer: Writer,
    stretch: Stretch,
    judged: Judged | None,
    election: FrozenElection,
    roll: Roll,
) -> Committed:
    """Write what was judged of a stretch, whole or not at all; drop what the ledger has already.

    `judged` is None where the log delivered nothing. Raises PermanentError for a writer that
    has been superseded and for a gap in the log, TransientError where the database did not
    do it and the stretch may be judged again.
    """
    try:
        with connection.transaction():
            next_offset = _locked_position(connection, writer, stretch)
            fresh = judged.since(next_offset) if judged else None
            return _write(connection, writer, stretch, next_offset, fresh, election, roll)
    except (psycopg.OperationalError, psycopg.InternalError) as error:
        raise TransientError(
            f"Partition {stretch.partition} could not be committed up to offset {stretch.end}: "
            f"{' '.join(str(error).split())}. Nothing of it was written; it will be judged again."
        ) from error
    except psycopg.Error as error:
        raise PermanentError(
            f"Partition {stretch.partition} could not be committed up to offset {stretch.end}: the ledger refuses it "
            f"({error.diag.message_primary}). Nothing of it was written; look for what else writes to the ledger."
        ) from error


def _locked_position(connection: psycopg.Connection, writer: Writer, stretch: Stretch) -> int:
    row = connection.execute(
        "select epoch, run_id, next_offset from ledger.positions"
        " where election_number = %s and partition = %s for update",
        (writer.election_number, stretch.partition),
    ).fetchone()
    if row is None:
        raise TransientError(
            f"Partition {stretch.partition} was added to the topic during the count; the next run takes it up."
        )
    epoch, run_id = row[:2]
    next_offset: int = row[2]
    if (epoch, run_id) != (writer.epoch, writer.run_id):
        raise PermanentError(
            f"Run {writer.run_id} (epoch {writer.epoch}) may no longer write: "
            f"run {run_id} (epoch {epoch}) has taken over the count."
        )
    if next_offset < stretch.start:
        raise PermanentError(
            f"Partition {stretch.partition} was read from offset {stretch.start}, but the ledger stands at "
            f"{next_offset}: messages between are missing. Start the count again."
        )
    return next_offset


def _write(
    connection: psycopg.Connection,
    writer: Writer,
    stretch: Stretch,
    next_offset: int,
    judged: Judged | None,
    election: FrozenElection,
    roll: Roll,
) -> Committed:
    uncounted: list[Uncounted] = []
    counted = 0
    if judged is not None:
        first, others = settle(connection, writer.election_number, stretch.partition, judged)
        counted = int(first.sum())
        uncounted = judged.uncounted + others
        _add_to_tables(connection, writer, stretch.partition, add_up(judged, first, election, roll))
        _list_uncounted(connection, writer, stretch.partition, uncounted)
    verdicts = Counter(message.reason.verdict for message in uncounted)
    messages = counted + len(uncounted)
    committed = Committed(
        partition=stretch.partition,
        messages=messages,
        counted=counted,
        rejected=verdicts[Verdict.REJECTED],
        quarantined=verdicts[Verdict.QUARANTINED],
        holes=max(stretch.end - next_offset, 0) - messages,
        next_offset=max(stretch.end, next_offset),
    )
    _advance(connection, writer, committed, judged.last if judged else None)
    return committed


def _add_to_tables(connection: psycopg.Connection, writer: Writer, partition: int, additions: Additions) -> None:
    for table in _COLUMNS:
        columns: Columns = getattr(additions, table)
        if columns[0]:
            connection.execute(_UPSERTS[table], (writer.election_number, partition, *columns))


def _list_uncounted(connection: psycopg.Connection, writer: Writer, partition: int, uncounted: list[Uncounted]) -> None:
    if not uncounted:
        return
    with connection.cursor().copy(
        'copy ledger.uncounted (election_number, partition, "offset", verdict, reason, appended_at) from stdin'
    ) as copy:
        for message in uncounted:
            appended_at = datetime.fromtimestamp(message.append_time_ms / 1000, tz=UTC)
            reason: Reason = message.reason
            copy.write_row(
                (
                    writer.election_number,
                    partition,
                    message.offset,
                    reason.verdict.value,
                    reason.value,
                    appended_at,
                )
            )


def _advance(
    connection: psycopg.Connection, writer: Writer, committed: Committed, last: tuple[int, int] | None
) -> None:
    last_offset, last_ms = last or (None, None)
    connection.execute(
        "update ledger.positions set next_offset = %s, counted = counted + %s, rejected = rejected + %s,"
        " quarantined = quarantined + %s, holes = holes + %s, committed_at = clock_timestamp(),"
        " last_offset = coalesce(%s, last_offset),"
        " last_appended_at = coalesce(to_timestamp(%s::bigint / 1000.0), last_appended_at)"
        " where election_number = %s and partition = %s",
        (
            committed.next_offset,
            committed.counted,
            committed.rejected,
            committed.quarantined,
            committed.holes,
            last_offset,
            last_ms,
            writer.election_number,
            committed.partition,
        ),
    )


def _upsert(table: str, columns: str) -> str:
    keys, amounts = (part.strip().split(", ") for part in columns.split("|"))
    names = [key.split()[0] for key in keys]
    arrays = [f"%s::{key.split()[1]}[]" for key in keys] + ["%s::bigint[]"] * len(amounts)
    return (
        f"insert into ledger.{table} (election_number, partition, {', '.join(names + amounts)})"  # noqa: S608
        f" select %s, %s, * from unnest({', '.join(arrays)})"
        f" on conflict (election_number, {', '.join(names)}, partition) do update set "
        + ", ".join(f"{amount} = {table}.{amount} + excluded.{amount}" for amount in amounts)
    )


_UPSERTS = {table: _upsert(table, columns) for table, columns in _COLUMNS.items()}


def analyze(connection: psycopg.Connection) -> None:
    """Tell the planner what the small tables hold now; without it the marts take ten times as long."""
    connection.execute("analyze " + ", ".join(f"ledger.{table}" for table in (*_COLUMNS, "positions", "uncounted")))


def record_batch(
    connection: psycopg.Connection,
    writer: Writer,
    batch_number: int,
    started_at: datetime,
    duration_ms: int,
    committed: list[Committed],
    position: int,
) -> None:
    """Keep the figures of a micro-batch; `position` is the election's after it, summed over partitions."""
    connection.execute(
        "insert into ledger.batches select %s, %s, %s, %s, %s, %s, %s, %s, %s, %s"
        " where exists (select 1 from ledger.positions where election_number = %s and epoch = %s)",
        (
            writer.election_number,
            writer.epoch,
            batch_number,
            started_at,
            duration_ms,
            sum(one.messages for one in committed),
            sum(one.counted for one in committed),
            sum(one.rejected for one in committed),
            sum(one.quarantined for one in committed),
            position,
            writer.election_number,
            writer.epoch,
        ),
    )
