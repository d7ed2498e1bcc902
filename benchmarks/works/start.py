"""How long until something is there, warm and with the disk's cache emptied.

By part: the engines; the count until its run is in the ledger (imports, JVM, guard), until its first micro-batch begins
(workers made ready, the stream started), and until that is committed; the demo in a fresh home.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.calibrators import machine
from benchmarks.casting import Voters, awaited, counting
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.domain.synthetic import generate_election
from engines import stack
from engines.home import Home

_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_CAST = 1_000
_FIRST_BATCH = (
    "select extract(epoch from r.started_at)::float8, extract(epoch from b.started_at)::float8,"
    " b.duration_ms / 1000.0::float8 from ledger.count_runs r join ledger.batches b using (election_number, epoch)"
    " join registry.elections using (election_number) where election_id = %s and b.batch_number = 0"
    " and r.started_at > to_timestamp(%s)"
)


def measure(size: Size) -> Iterator[Sample]:
    """Start everything, warm and cold in turn; cold is left out, with a sentence, where caches may not be emptied."""
    states = ["warm", "cold"]
    try:
        _empty_caches()
    except OSError as error:
        print(f"Cold starts are left out, since the disk's cache cannot be emptied: {error}.")
        states.remove("cold")
    election = generate_election("start", (2 * size.rounds + 1) * 2 * _CAST, turnout=0.7)
    with engines(stack.Size.LAPTOP) as settings:
        stage = opened(settings, election)
        # The first count of an election also keeps its roll for the others.
        count_started(stage)
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            for state in states:
                figures: dict[str, float] = {}
                for part in (engines_started, count_started, demo_run):
                    if state == "cold":
                        _empty_caches()
                    figures |= part(stage)
                yield Sample(state, number, figures)


def _empty_caches() -> None:
    os.sync()
    _DROP_CACHES.write_text("3")


def engines_started(stage: Stage) -> dict[str, float]:
    """Stop the engines and start them again."""
    home = Home(stage.settings.home)
    stack.down(home)
    began = time.monotonic()
    stack.up(home)
    return {"engines, s": time.monotonic() - began}


def count_started(stage: Stage) -> dict[str, float]:
    """Cast a little and count it; return the seconds of each part, from the command to the first commit."""
    Voters(stage).cast(_CAST, 1)
    began = time.time()
    found: list[tuple[float, float, float]] = []
    with counting(stage), psycopg.connect(stage.settings.conninfo("auditor"), autocommit=True) as connection:

        def has_committed() -> bool:
            found[:] = connection.execute(_FIRST_BATCH, (stage.election.election_id, began)).fetchall()
            return bool(found)

        awaited(has_committed)
    ((run, batch, took),) = found
    return {
        "count: imports, JVM, guard, s": run - began,
        "count: workers and stream, s": batch - run,
        "count: first micro-batch, s": took,
        "count: until the first commit, s": batch + took - began,
    }


def demo_run(_: Stage) -> dict[str, float]:
    """Run the demo in a fresh home: engines made, an election counted, marts built, figures compared."""
    folder = Path(tempfile.mkdtemp(prefix="election-bench-"))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "election_assets"]
    environment = {**os.environ, "ELECTION_HOME": str(folder)}
    try:
        began = time.monotonic()
        subprocess.run([*command, "demo"], env=environment, check=True, capture_output=True)
        return {"demo, s": time.monotonic() - began}
    finally:
        subprocess.run([*command, "down"], env=environment, check=True, capture_output=True)
        shutil.rmtree(folder)
