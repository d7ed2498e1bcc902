"""The calibrators: what the machine does in the same minutes without the part that is measured.

C1 is the count's Postgres work fed from memory, over one connection and over two. P0 is what one would write by hand,
`peers/bare.py`, in one process and in two. C2 makes ballots and sends them nowhere. The disk writes 4 KiB and syncs.
"""

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import psycopg

from benchmarks.load import Load, Sent
from benchmarks.peers.running import PEERS, run
from benchmarks.stage import Stage
from election_assets.counting import reset_election
from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judge, Judged, Messages
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election
from spark.ledger import Stretch, Writer, commit
from spark.registry import check_and_keep_roll, load_roll, read_frozen
from spark.runs import begin, end

_SLICE = 50_000
_SERIALISED = 50_000
_SYNCS = 100

Slices = list[tuple[Stretch, Judged]]


def machine() -> dict[str, float]:
    """Return what the processor and the disk do alone, in two seconds."""
    ballots = messages(generate_election("calibrator", _SERIALISED))
    started = time.perf_counter()
    made = sum(1 for _ in islice(ballots, _SERIALISED // 2))
    seconds = time.perf_counter() - started
    return {"C2 ballots made and not sent /s": made / seconds, "disk sync of 4 KiB, ms": _sync_ms()}


def _sync_ms() -> float:
    block, seconds = os.urandom(4096), []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000


def bare_consumers(stage: Stage, load: Load) -> dict[str, float]:
    """Return messages per second of one and of two bare consumers over the whole log, from the first commit on."""
    figures: dict[str, float] = {}
    for peer in PEERS:
        if peer.program == "bare":
            found = run(peer, stage, load.totals(with_strangers=True), Path(sys.executable))
            if found.flaw:
                raise RuntimeError(f"The {peer.title} did not count right: {found.flaw}.")
            figures |= {f"P0 {peer.title}, {name}": found.figures[name] for name in ("warm /s", "whole /s")}
    return figures


def sinks_alone(stage: Stage, sent: list[Sent]) -> dict[str, float]:
    """Return ballots per second of the ledger's transactions alone, over one connection and over two.

    `sent` is what is judged beforehand, at most the stage's log. The ledger is empty before and after.
    """
    return {
        f"C1 sink alone, {connections} connection{'s' * (connections > 1)} /s": _sink_alone(stage, sent, connections)
        for connections in (1, 2)
    }


def _sink_alone(stage: Stage, sent: list[Sent], connections: int) -> float:
    conninfo = stage.settings.conninfo("counter")
    folder = stage.settings.home / "count" / "rolls"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        election = read_frozen(connection, stage.election.election_id)
        check_and_keep_roll(connection, election, folder)
        roll = load_roll(election, folder, conninfo)
        slices = list(_judged_slices(Judge(election, roll), sent))
        writer = begin(connection, election, f"sink-alone-{connections}", election.partition_count)
        # Forked, so that nothing of what was judged is copied or sent.
        forking = multiprocessing.get_context("fork")
        sinks = [
            forking.Process(
                target=_commit_all,
                args=(conninfo, writer, [one for one in slices if one[0].partition % connections == part]),
                kwargs={"election": election, "roll": roll},
            )
            for part in range(connections)
        ]
        started = time.monotonic()
        for sink in sinks:
            sink.start()
        for sink in sinks:
            sink.join()
        seconds = time.monotonic() - started
        end(connection, writer, "measured")
    reset_election(stage.settings, stage.election.election_id)
    if any(sink.exitcode for sink in sinks):
        raise RuntimeError("The sink alone did not come to its end: its time is void.")
    return len(sent) / seconds


def _commit_all(conninfo: str, writer: Writer, slices: Slices, election: FrozenElection, roll: Roll) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for stretch, judged in slices:
            commit(connection, writer, stretch, judged, election, roll)


def _judged_slices(judge: Judge, sent: list[Sent]) -> Iterator[tuple[Stretch, Judged]]:
    count = judge.election.partition_count
    by_partition: list[list[Sent]] = [[] for _ in range(count)]
    for message in sent:
        by_partition[partition_of(message[0], count)].append(message)
    for partition, ballots in enumerate(by_partition):
        for start in range(0, len(ballots), _SLICE):
            part = ballots[start : start + _SLICE]
            offsets = np.arange(start, start + len(part))
            times = np.full(len(part), time.time_ns() // 1_000_000)
            keys, values = (list(column) for column in zip(*part, strict=True))
            judged = judge.judge(Messages(partition, offsets, times, keys, values))
            yield Stretch(partition, start, start + len(part)), judged
