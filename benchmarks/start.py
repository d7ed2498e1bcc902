"""How long until something is there: `python -m benchmarks.start [ROUNDS]`, warm and with the disk's cache emptied.

By part: the engines; the count until its run is in the ledger (imports, JVM, guard), until its first micro-batch
begins (workers warmed, the stream started), and until that is committed; the whole demo on a fresh home.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.__main__ import RESULTS
from benchmarks.live import cast, counting
from benchmarks.stage import Stage, engines, opened
from election_assets.domain.synthetic import generate_election
from engines import stack
from engines.home import Home

ROUNDS = 5
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_PATIENCE_SECONDS = 300.0
_FIRST_BATCH = (
    "select extract(epoch from r.started_at)::float8, extract(epoch from b.started_at)::float8,"
    " b.duration_ms / 1000.0::float8 from ledger.count_runs r join ledger.batches b using (election_number, epoch)"
    " join registry.elections using (election_number) where election_id = %s and b.batch_number = 0"
    " order by epoch desc limit 1"
)


def empty_caches() -> None:
    """Have the kernel forget what it keeps of the disk, as after a boot; raise OSError where that is not allowed."""
    os.sync()
    _DROP_CACHES.write_text("3")


def count_started(stage: Stage) -> dict[str, float]:
    """Cast a little and count it; return the seconds of each part, from the command to the first commit."""
    before = stage.ballot_count
    cast(stage, 1_000, 1)
    began = time.time()
    with counting(stage), psycopg.connect(stage.settings.conninfo("auditor"), autocommit=True) as connection:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            row = connection.execute(_FIRST_BATCH, (stage.election.election_id,)).fetchone()
            if row is not None and row[0] > began:
                run, batch, took = row
                return {
                    "count: imports, JVM, guard": run - began,
                    "count: workers and stream": batch - run,
                    "count: first micro-batch": took,
                    "count: until the first commit": batch + took - began,
                }
            time.sleep(0.05)
    raise RuntimeError(f"None of the ballots from {before:,} on was counted in {_PATIENCE_SECONDS:g} s.")


def engines_started(stage: Stage) -> dict[str, float]:
    """Stop the engines and start them again."""
    home = Home(stage.settings.home)
    stack.down(home)
    began = time.monotonic()
    stack.up(home)
    return {"engines": time.monotonic() - began}


def demo_run() -> dict[str, float]:
    """Run the demo in a fresh home: engines made, an election counted, marts built, figures compared."""
    folder = Path(tempfile.mkdtemp(prefix="election-bench-"))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "election_assets"]
    environment = {**os.environ, "ELECTION_HOME": str(folder)}
    try:
        began = time.monotonic()
        subprocess.run([*command, "demo"], env=environment, check=True, capture_output=True)
        return {"demo": time.monotonic() - began}
    finally:
        subprocess.run([*command, "down"], env=environment, check=True, capture_output=True)
        shutil.rmtree(folder)


def main(rounds: int) -> None:
    """Measure all of it so often, in turn; print medians and keep all."""
    measured: dict[str, dict[str, list[float]]] = {"warm": {}}
    try:
        empty_caches()
        measured["cold"] = {}
    except OSError as error:
        print(f"Warm only: {error}")
    election = generate_election("start", 20_000 * rounds, contests=3, turnout=0.7)
    with engines(stack.Size.LAPTOP) as settings:
        stage = opened(settings, election)
        # The first count of an election also keeps its roll for the others.
        count_started(stage)
        for _ in range(rounds):
            for state, rows in measured.items():
                for part in (lambda: engines_started(stage), lambda: count_started(stage), demo_run):
                    if state == "cold":
                        empty_caches()
                    for name, seconds in part().items():
                        rows.setdefault(name, []).append(seconds)
    for state, rows in measured.items():
        print(f"{state:32} {'median':>8} {'min':>8} {'max':>8}  seconds")
        for name, seconds in rows.items():
            print(f"{name:32} {statistics.median(seconds):8.1f} {min(seconds):8.1f} {max(seconds):8.1f}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-start.json"
    (RESULTS / name).write_text(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
