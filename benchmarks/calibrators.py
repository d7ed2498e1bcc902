"""The calibrators: what the machine does in the same minutes without the part that is measured.

`sink_alone` is the count's Postgres work fed from memory. `bare_consumer` is what one would
write by hand: `peers/bare.py` in one process.
"""

import time
from collections.abc import Iterator

import numpy as np
import psycopg

from benchmarks.peers.bare import count
from benchmarks.peers.running import prepared
from benchmarks.stage import Stage
from election_assets.domain.judge import Judge, Judged, Messages
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import messages
from spark.ledger import Stretch, commit
from spark.registry import check_and_keep_roll, load_roll, read_frozen
from spark.runs import begin

_SLICE = 50_000


def sink_alone(stage: Stage) -> float:
    """Return ballots per second of the ledger's transactions alone, on one connection, from a ledger just reset."""
    conninfo = stage.settings.conninfo("counter")
    folder = stage.settings.home / "count" / "rolls"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        election = read_frozen(connection, stage.election.election_id)
        check_and_keep_roll(connection, election, folder)
        roll = load_roll(election, folder, conninfo)
        slices = list(_judged_slices(Judge(election, roll), stage))
        writer = begin(connection, election, "sink-alone", election.partition_count)
        reached = [0] * election.partition_count
        started = time.monotonic()
        for partition, judged in slices:
            end = reached[partition] + len(judged.offsets)
            commit(connection, writer, Stretch(partition, reached[partition], end), judged, election, roll)
            reached[partition] = end
        return sum(reached) / (time.monotonic() - started)


def _judged_slices(judge: Judge, stage: Stage) -> Iterator[tuple[int, Judged]]:
    count = judge.election.partition_count
    waiting: list[list[tuple[bytes, bytes]]] = [[] for _ in range(count)]
    reached = [0] * count
    for message in messages(stage.election):
        partition = partition_of(message[0], count)
        waiting[partition].append(message)
        if len(waiting[partition]) == _SLICE:
            yield partition, _judged(judge, partition, reached[partition], waiting[partition])
            reached[partition] += _SLICE
            waiting[partition] = []
    for partition, rest in enumerate(waiting):
        if rest:
            yield partition, _judged(judge, partition, reached[partition], rest)


def _judged(judge: Judge, partition: int, start: int, ballots: list[tuple[bytes, bytes]]) -> Judged:
    offsets = np.arange(start, start + len(ballots))
    times = np.full(len(ballots), time.time_ns() // 1_000_000)
    return judge.judge(Messages(partition, offsets, times, [one[0] for one in ballots], [one[1] for one in ballots]))


def bare_consumer(stage: Stage) -> float:
    """Return ballots per second of a hand-written consumer over the whole log, into tables of its own."""
    conninfo = prepared(stage)
    started = time.monotonic()
    counted = count(stage.brokers, stage.topic, conninfo)
    seconds = time.monotonic() - started
    if counted != stage.ballot_count:
        raise RuntimeError(f"The bare consumer counted {counted} of {stage.ballot_count} ballots: its time is void.")
    return counted / seconds
