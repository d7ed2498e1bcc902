"""How soon a ballot that is cast is in the ledger, and in a mart: `python -m benchmarks.live [SECONDS] [RATE …]`.

An open loop: each ballot has its moment, whatever became of those before it, and is timed from then on. A reader asks
for the turnout every 50 ms, as a page does; a ballot is visible when an answer that has it is there.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import psycopg
from confluent_kafka import Message, Producer

from benchmarks.__main__ import RESULTS
from benchmarks.processes import Usage, watched
from benchmarks.stage import Stage, engines, opened
from election_assets.dbt import build_marts
from election_assets.domain.partitioning import partition_of
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from engines import stack
from engines.home import Home

SECONDS = 120
RATES = (100, 1_000, 5_000, 20_000)
# What is cast in the first of them warms the JVM's compiler, and is not timed.
WARM_UP_SECONDS = 20
_ASK_EVERY_SECONDS = 0.05
_PATIENCE_SECONDS = 120.0
_TURNOUT = 0.7
POSITIONS = (
    "select partition, next_offset from ledger.positions join registry.elections using (election_number)"
    " where election_id = %s"
)
_TURNOUT_ROWS = "select * from marts.fct_turnout where election_id = %s"

Seen = list[tuple[float, dict[int, int]]]


@dataclass(slots=True)
class Cast:
    """What was cast: the moment each ballot was due, and where the log has it."""

    due: list[float]
    places: list[tuple[int, int]]
    last: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        # Of a dictionary the last value of a key stays.
        self.last = dict(sorted(self.places))

    def is_seen(self, seen: Seen) -> bool:
        """Tell whether the last that was seen has all of it."""
        ends = seen[-1][1] if seen else {}
        return all(offset < ends.get(partition, 0) for partition, offset in self.last.items())

    def seconds_until(self, seen: Seen) -> np.ndarray:
        """Return the seconds from each ballot's moment until it was seen; those of the warm-up are left out."""
        times = np.array([at for at, _ in seen])
        due = np.array(self.due)
        partitions, offsets = np.array(self.places).T
        found = np.empty(len(due))
        for partition in np.unique(partitions):
            ends = np.array([ends.get(int(partition), 0) for _, ends in seen])
            of_it = partitions == partition
            found[of_it] = times[np.searchsorted(ends, offsets[of_it], side="right")]
        return (found - due)[due - due[0] >= WARM_UP_SECONDS]


def cast(stage: Stage, rate: float, seconds: float) -> Cast:
    """Cast at a rate for so long; return when all of it is acknowledged."""
    producer = Producer(
        {
            "bootstrap.servers": stage.brokers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    places: dict[int, tuple[int, int]] = {}
    moments: list[float] = []
    started = time.monotonic()
    for number, (key, value) in enumerate(islice(stage.waiting, int(rate * seconds))):
        due = started + number / rate
        while (early := due - time.monotonic()) > 0:
            producer.poll(min(early, 0.005))

        def settled(_error: object, message: Message, number: int = number) -> None:
            places[number] = (message.partition(), message.offset())

        partition = partition_of(key, stage.election.partition_count)
        producer.produce(stage.topic, value=value, key=key, partition=partition, on_delivery=settled)
        producer.poll(0)
        moments.append(due)
    producer.flush()
    stage.ballot_count += len(moments)
    return Cast(moments, [places[number] for number in range(len(moments))])


@contextmanager
def asking(settings: Settings, role: str, *questions: str, election_id: str) -> Iterator[Seen]:
    """Ask in the background, in one snapshot each time, and note when an answer was there and up to where it goes."""
    seen: Seen = []
    done = threading.Event()

    def ask() -> None:
        with psycopg.connect(settings.conninfo(role)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not done.wait(_ASK_EVERY_SECONDS):
                *_, positions = [connection.execute(one, (election_id,)).fetchall() for one in questions]
                seen.append((time.monotonic(), dict(positions)))
                connection.rollback()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@contextmanager
def counting(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """Count in a process of its own, as long as the body runs."""
    command = [sys.executable, "-m", "election_assets", "count", stage.election.election_id]
    process = subprocess.Popen(command, env=stage.environment, stderr=subprocess.PIPE, text=True)
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


def measured(settings: Settings, rate: int, seconds: int) -> tuple[dict[str, float], Usage]:
    """Cast an election of its own at a rate, and time it; every ballot of it must have been counted in the end."""
    voters = round(rate * (seconds + 1) / _TURNOUT)
    election = replace(generate_election("live", voters, contests=3, turnout=_TURNOUT), election_id=f"live-{rate}")
    stage = opened(settings, election)
    with counting(stage) as process:
        # The first ballots show that the count has begun.
        with asking(settings, "auditor", POSITIONS, election_id=election.election_id) as committed:
            first = cast(stage, rate, 1)
            awaited(lambda: first.is_seen(committed))
        servers = {one.name: one.pid for one in stack.status(Home(settings.home)) if one.pid}
        with (
            watched({**servers, "count": process.pid}) as usage,
            asking(settings, "auditor", POSITIONS, election_id=election.election_id) as committed,
            asking(settings, "owner", _TURNOUT_ROWS, POSITIONS, election_id=election.election_id) as visible,
        ):
            made = cast(stage, rate, seconds)
            awaited(lambda: made.is_seen(committed) and made.is_seen(visible))
    figures = {
        f"cast → {name} {share}": float(np.quantile(until, quantile))
        for name, until in (("committed", made.seconds_until(committed)), ("visible", made.seconds_until(visible)))
        for share, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    }
    return figures | batches_of(stage), usage


def batches_of(stage: Stage) -> dict[str, float]:
    """Return how long micro-batches took after the warm-up, in seconds, and the longest pause between two commits."""
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(
            "select extract(epoch from started_at)::float8, duration_ms / 1000.0::float8, counted from ledger.batches"
            " join registry.elections using (election_number) where election_id = %s order by batch_number",
            (stage.election.election_id,),
        ).fetchall()
    counted = sum(row[2] for row in rows)
    if counted != stage.ballot_count:
        raise RuntimeError(f"{counted:,} of {stage.ballot_count:,} ballots were counted: these times are void.")
    starts, lengths, _ = np.array(rows, dtype=float).T
    warm = starts - starts[0] > WARM_UP_SECONDS
    ends = (starts + lengths)[warm]
    return {
        "batch p50": float(np.quantile(lengths[warm], 0.5)),
        "batch p95": float(np.quantile(lengths[warm], 0.95)),
        "batch max": float(lengths[warm].max()),
        "longest pause between commits": float(np.diff(ends).max()),
    }


def main(seconds: int, rates: list[int]) -> None:
    """Measure each rate; print a table and keep it as JSON."""
    rows: dict[int, dict[str, float]] = {}
    with engines(stack.Size.LAPTOP) as settings:
        build_marts(settings)
        for rate in rates:
            figures, usage = measured(settings, rate, seconds)
            cores = {f"cores: {kind}": used / seconds for kind, used in sorted(usage.cpu_seconds.items())}
            memory = {f"peak MiB: {kind}": mib for kind, mib in sorted(usage.peak_mib.items())}
            rows[rate] = figures | cores | memory
            print(f"\n{rate:,} ballots/s for {seconds} s")
            for name, value in rows[rate].items():
                print(f"  {name:34} {value:10.3f}", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-live.json"
    (RESULTS / name).write_text(json.dumps({"seconds": seconds, "measured": rows}, indent=2))


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(given[0] if given else SECONDS, given[1:] or list(RATES))
