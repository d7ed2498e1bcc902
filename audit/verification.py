"""A verification: every partition recounted, on all cores, and held against the ledger, the marts and the freeze."""

import gc
import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import psycopg

from audit.checks import Check, Comparison
from audit.ledger import TABLES, read_participants, read_partitions, read_positions
from audit.log import Log, topic_id_of
from audit.marts import added_up, held_against_marts
from audit.partition import Recounted, Sources, connected, recounted
from audit.registry import Registry, hash_of_registry, read_registry

# Told how many messages are recounted, and of how many.
Report = Callable[[int, int], None]

_NAMES = {
    "verdicts": "verdict and reason of each message",
    "positions": "positions",
    "participation": "who voted, and with which ballot",
    "ballot_counts": "ballots",
    "contest_ballots": "ballots, undervotes and overvotes by contest",
    "tallies": "votes",
    "voter_group_counts": "voter groups",
    "arrivals": "arrivals by minute",
}


@dataclass(frozen=True, slots=True)
class Verification:
    """What a recount came to: its checks, and what the log holds by partition."""

    election_id: str
    registry_hash: str
    topic_id: str
    checks: tuple[Check, ...]
    partitions: tuple[Recounted, ...]

    @property
    def has_passed(self) -> bool:
        """Return whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def position(self) -> int:
        """Return up to where the log was recounted, added up over its partitions."""
        return sum(one.end_offset for one in self.partitions)

    def sentence(self, seconds: float) -> str:
        """Return the one line that sums it up."""
        failed = [check for check in self.checks if not check.passed]
        what = f"{self.message_count:,} messages up to position {self.position:,} were recounted in {seconds:.1f} s"
        if failed:
            return f"{what}: {len(failed)} of {len(self.checks)} checks FAILED."
        return f"{what}: all {len(self.checks)} checks passed."

    @property
    def message_count(self) -> int:
        """Return how many messages were judged."""
        return sum(one.end_offset - one.position.holes for one in self.partitions)


@contextmanager
def held_still(sources: Sources) -> Iterator[str]:
    """Keep the database as it is now for whoever reads it by the name of the snapshot that is yielded."""
    with psycopg.connect(sources.auditor) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
        yield snapshot


def verify(sources: Sources, snapshot: str, report: Report, processes: int | None = None) -> Verification:
    """Recount what the ledger has judged and hold it against the ledger, and keep what came of it in `audit`.

    `snapshot` is of `held_still`. Raises PermanentError for an election that is not open, TransientError where an
    engine is away.
    """
    with connected(sources.auditor, snapshot) as connection:
        registry = read_registry(connection, sources.election_id)
        judged = {partition: one.next_offset for partition, one in read_positions(connection, registry).items()}
        # Once anything is counted, each partition has a position; what the ledger says of others has none.
        named = read_partitions(connection, registry) | set(range(registry.partition_count) if judged else ())
        judged |= dict.fromkeys(named - judged.keys(), 0)
        log, partitions = recount_log(sources, snapshot, judged, report, processes, against_ledger=True)
        compared = {name: Comparison() for name in _NAMES}
        for one in partitions:
            for name, comparison in one.comparisons.items():
                compared[name].add(comparison)
        numbers = (one.voter_numbers for one in partitions)
        hold_participants(compared["participation"], numbers, read_participants(connection, registry))
        comparisons = {"the freeze": held_against_freeze(sources, connection, registry), "the log": log}
        comparisons |= {title: compared[name] for name, title in _NAMES.items()}
    comparisons |= _held_against_marts(sources, snapshot, partitions)
    found = Verification(
        sources.election_id, registry.registry_hash, registry.topic_id, numbered(comparisons), partitions
    )
    _record(sources, registry, found)
    return found


def recount_log(
    sources: Sources,
    snapshot: str,
    ends: Mapping[int, int],
    report: Report,
    processes: int | None = None,
    *,
    against_ledger: bool,
) -> tuple[Comparison, tuple[Recounted, ...]]:
    """Recount partitions up to their ends; return also how the log itself compares: from 0 to there, and readable."""
    with Log(sources.kafka, sources.votes_topic) as log:
        reaches = log.ends()
    within = {partition: min(end, reaches.get(partition, (0, 0))[1]) for partition, end in ends.items()}
    partitions = _recounted(sources, snapshot, within, report, processes or os.cpu_count() or 1, against_ledger)
    wanted = {partition: [0, end] for partition, end in ends.items()}
    found: dict[int, object] = {
        partition: [reaches[partition][0], min(reaches[partition][1], end)]
        for partition, end in ends.items()
        if partition in reaches
    }
    found |= {one.partition: one.unreadable for one in partitions if one.unreadable}
    comparison = Comparison()
    comparison.hold(wanted, found, "offsets of partition")
    comparison.expected, comparison.found = sum(ends.values()), sum(within.values())
    return comparison, partitions


def held_against_freeze(sources: Sources, connection: psycopg.Connection, registry: Registry) -> Comparison:
    """Compare the freeze that was published to Kafka with the registry as it is now, and with the topic."""
    with Log(sources.kafka, sources.elections_topic) as log:
        event = log.last_value(sources.election_id.encode())
    names = ("registry_hash", "topic_id", "partition_count")
    published = json.loads(event) if event else {}
    frozen = {name: published[name] for name in names if name in published}
    comparison = Comparison()
    comparison.hold(
        frozen,
        {
            "registry_hash": registry.registry_hash,
            "topic_id": registry.topic_id,
            "partition_count": registry.partition_count,
        },
        "the registry's",
    )
    comparison.hold(
        {name: value for name, value in frozen.items() if name != "partition_count"},
        {
            "registry_hash": hash_of_registry(connection, registry),
            "topic_id": topic_id_of(sources.kafka, sources.votes_topic),
        },
        "the actual",
    )
    comparison.expected, comparison.found = comparison.compared, comparison.compared - comparison.differing
    return comparison


def hold_participants(comparison: Comparison, recounted: "Iterable[array[int]]", listed: np.ndarray) -> None:
    """Find those of whom the ledger alone has a ballot; each partition compared the others already."""
    counted = np.concatenate([np.zeros(0, np.int32), *(np.frombuffer(one, np.int32) for one in recounted)])
    more = np.setdiff1d(listed, counted)
    comparison.hold({}, dict.fromkeys(more.tolist(), "a ballot"), "ballot of voter number")
    comparison.expected, comparison.found = len(counted), len(listed)


def numbered(comparisons: Mapping[str, Comparison]) -> tuple[Check, ...]:
    """Return comparisons as numbered checks."""
    return tuple(one.check(number, name) for number, (name, one) in enumerate(comparisons.items(), 1))


def _recounted(
    sources: Sources, snapshot: str, ends: Mapping[int, int], report: Report, processes: int, against_ledger: bool
) -> tuple[Recounted, ...]:
    done, total = 0, sum(ends.values())
    report(done, total)
    if min(processes, len(ends)) < 2:
        return tuple(recounted(sources, snapshot, *place, against_ledger) for place in sorted(ends.items()))
    found = []
    # Spawned, not forked: the caller may have threads, and clients whose connections a fork would share.
    # What a recount keeps has no cycles, and looking for them in it would take a fifth of the time.
    with ProcessPoolExecutor(min(processes, len(ends)), get_context("spawn"), initializer=gc.disable) as pool:
        # The longest first, so that no core waits for the last.
        places = sorted(ends.items(), key=lambda place: -place[1])
        for future in as_completed([pool.submit(recounted, sources, snapshot, *one, against_ledger) for one in places]):
            found.append(future.result())
            done += found[-1].end_offset
            report(done, total)
    return tuple(sorted(found, key=lambda one: one.partition))


def _held_against_marts(sources: Sources, snapshot: str, partitions: Sequence[Recounted]) -> dict[str, Comparison]:
    cells = {table: added_up(one.cells[table] for one in partitions) for table in TABLES}
    with connected(sources.reader, snapshot) as connection:
        return held_against_marts(connection, sources.election_id, cells)


def _record(sources: Sources, registry: Registry, found: Verification) -> None:
    with psycopg.connect(sources.auditor) as connection:
        connection.execute(
            "insert into audit.verifications (election_number, position, has_passed) values (%s, %s, %s)",
            (registry.election_number, found.position, found.has_passed),
        )
