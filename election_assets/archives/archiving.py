"""Archiving: a finished election written as a whole, and recounted from what was written before it is called done."""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg

from audit.checks import Comparison
from audit.ledger import read_participants
from audit.log import Message
from audit.partition import held_against_ledger
from audit.recount import PartitionRecount
from audit.registry import read_registry, read_voters
from audit.verification import hold_participants
from election_assets.archives import manifest as manifests
from election_assets.archives.log import blocks, hole, messages_in, name_of, read_partition, write_partition
from election_assets.archives.manifest import ArchivedFile, ArchivedPartition, Manifest, file_in
from election_assets.archives.tables import TABLES, write_rows
from election_assets.corrections import Status
from election_assets.counting import count_settings
from election_assets.domain.frozen import FrozenElection
from election_assets.errors import PermanentError
from election_assets.exports.writing import fresh_folder
from election_assets.settings import Settings
from spark.readiness import check_log_and_freeze
from spark.registry import check_and_keep_roll, read_frozen
from spark.runs import positions
from spark.topic import LogReader

Report = Callable[[int, int], None]

# What an office says of results when the counting is over.
_OVER = (Status.UNOFFICIAL_COMPLETE, Status.CERTIFIED, Status.CORRECTION)
_REPORT_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive that was written and recounted; the manifest's SHA-256 vouches for all of its files."""

    manifest: Manifest
    manifest_sha256: str
    ballot_count: int


def archive_election(
    settings: Settings, election_id: str, place: Path, report: Report = lambda _done, _total: None
) -> Archived:
    """Write an election's log, registry and ledger into the folder `place`, which must not be there yet.

    All rows are of one snapshot of the database. `report` is told how many messages are written and recounted, and of
    how many. Raises PermanentError for an election that is not over or not judged to its end, for what the count's
    guard refuses, for a log with holes, and where the recount does not come to the ledger; then no folder is left.
    """
    run = count_settings(settings, election_id)
    rolls = run.work_folder / "rolls"
    with (
        psycopg.connect(settings.conninfo("owner")) as connection,
        LogReader(run.kafka, run.topic) as log,
        fresh_folder(place) as folder,
    ):
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        election = read_frozen(connection, election_id)
        check_and_keep_roll(connection, election, rolls)
        check_log_and_freeze(connection, run, election, log)
        _refuse_unfinished(connection, election)
        ends = _judged_ends(connection, election, log)
        counter = _Counter(report, 2 * sum(ends.values()))
        files = [*_write_log(log, ends, folder, counter), *_write_tables(connection, election, folder)]
        ballots = _recounted(connection, election_id, ends, folder, counter)
        manifest = Manifest(
            format=manifests.FORMAT,
            version=version("election-count"),
            archived_at=datetime.now(UTC),
            election_id=election_id,
            registry_hash=election.registry_hash,
            partition_count=len(ends),
            partitions=tuple(ArchivedPartition(partition, 0, end) for partition, end in ends.items()),
            files=tuple(files),
        )
        manifests.write_manifest(folder, manifest)
    return Archived(manifest, manifests.manifest_hash(place), ballots)


def _refuse_unfinished(connection: psycopg.Connection, election: FrozenElection) -> None:
    """Refuse an election whose polls are open, or which has no hours and nobody said that it is over."""
    row = connection.execute(
        "select closes_at, closes_at <= clock_timestamp(), status from registry.elections where election_id = %s",
        (election.election_id,),
    ).fetchone()
    assert row is not None
    closes_at, is_closed, status = row
    if closes_at is None and status not in _OVER:
        raise PermanentError(
            f"{election.election_id!r} has no polling hours, so only its office knows that it is over: "
            f"`election mark {election.election_id} certified` says so, and then it can be archived."
        )
    if closes_at is not None and not is_closed:
        raise PermanentError(
            f"The polls of {election.election_id!r} close at {closes_at:%Y-%m-%d %H:%M:%S %Z}: "
            "it can be archived when they are closed and every message is judged."
        )


def _judged_ends(connection: psycopg.Connection, election: FrozenElection, log: LogReader) -> dict[int, int]:
    """Return where each partition of the log ends; refuse one that is not judged up to there, or has holes."""
    judged = {one.partition: one.next_offset for one in positions(connection, election.election_number)}
    ends = {partition: end for partition, (_, end) in log.starts_and_ends().items()}
    if waiting := sum(ends.values()) - sum(judged.values()):
        raise PermanentError(
            f"{waiting:,} messages of {election.election_id!r} wait to be judged: "
            f"`election count {election.election_id} --until-idle` judges them, and then it can be archived."
        )
    return ends


def _write_log(log: LogReader, ends: Mapping[int, int], folder: Path, counter: "_Counter") -> Iterator[ArchivedFile]:
    (folder / "log").mkdir()
    for partition, end in ends.items():
        name = name_of(partition)
        rows = write_partition(counter.counting(messages_in(log, partition, end)), folder / name)
        if rows < end:
            raise hole(partition, rows)
        yield file_in(folder, name, rows)


def _write_tables(connection: psycopg.Connection, election: FrozenElection, folder: Path) -> Iterator[ArchivedFile]:
    for schema in {table.schema for table in TABLES}:
        (folder / schema).mkdir()
    for table in TABLES:
        rows = write_rows(connection, table, election.election_number, folder / table.file)
        yield file_in(folder, table.file, rows)


def _recounted(
    connection: psycopg.Connection, election_id: str, ends: Mapping[int, int], folder: Path, counter: "_Counter"
) -> int:
    """Recount what was archived and return how many ballots count; refuse where that is not what the ledger says."""
    registry = read_registry(connection, election_id)
    comparisons: list[Comparison] = []
    voter_numbers: list[array[int]] = []
    for partition, end in ends.items():
        recount = PartitionRecount(registry, partition, partial(read_voters, connection, registry))
        for block in blocks(counter.counting(read_partition(folder / name_of(partition)))):
            recount.add(block)
        comparisons += held_against_ledger(connection, recount, recount.cells(), end).values()
        voter_numbers.append(recount.voter_numbers)
    comparisons.append(Comparison())
    hold_participants(comparisons[-1], voter_numbers, read_participants(connection, registry))
    for comparison in comparisons:
        if comparison.first:
            raise PermanentError(
                f"{election_id!r} is not archived, for its log does not come to its ledger: {comparison.first[1]}. "
                f"Look for what else writes there; `election reset {election_id}` and a count judge the log anew."
            )
    return sum(map(len, voter_numbers))


class _Counter:
    """Counts messages on their way, and reports now and then how many have passed."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def counting(self, messages: Iterator[Message]) -> Iterator[Message]:
        for message in messages:
            self._done += 1
            if self._done % _REPORT_EVERY == 0:
                self._report(self._done, self._total)
            yield message
