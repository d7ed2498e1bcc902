"""The benchmark's command: `python -m benchmarks smoke|full` prints a table and keeps one JSON file per run."""

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.calibrators import bare_consumer, sink_alone
from benchmarks.processes import Usage, watched
from benchmarks.stage import Stage, staged
from election_assets.counting import reset_election
from election_assets.verifying import verify_election
from engines.home import Home
from engines.stack import status

# Ballots, and rounds of which each measures everything once, so that a drift of the machine meets all alike.
SIZES = {"smoke": (400_000, 1), "full": (1_000_000, 5)}
RESULTS = Path(__file__).resolve().parents[1] / ".election" / "benchmarks"


def drain(stage: Stage) -> tuple[dict[str, float], Usage]:
    """Count the whole backlog in a process of its own; ballots per second with start-up, and warm."""
    election_id = stage.election.election_id
    engines = {one.name: one.pid for one in status(Home(stage.settings.home)) if one.pid}
    command = [sys.executable, "-m", "election_assets", "count", election_id, "--until-idle"]
    started = time.monotonic()
    process = subprocess.Popen(command, env=stage.environment, stderr=subprocess.PIPE, text=True)
    with watched({**engines, "count": process.pid}) as usage:
        _, said = process.communicate()
    seconds = time.monotonic() - started
    if process.returncode:
        raise RuntimeError(f"The count failed: {said}")
    return {"whole": stage.ballot_count / seconds, "warm": _warm(stage), "seconds": seconds}, usage


def _warm(stage: Stage) -> float:
    """Return messages per second from the end of the first micro-batch to the last commit; check the totals."""
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(
            "select started_at, duration_ms, counted, message_count from ledger.batches"
            " join registry.elections using (election_number) where election_id = %s and epoch ="
            " (select max(epoch) from ledger.batches b where b.election_number = elections.election_number)"
            " order by batch_number",
            (stage.election.election_id,),
        ).fetchall()
        counted, expected = sum(row[2] for row in rows), stage.ballot_count - stage.uncounted_count
        if counted != expected:
            raise RuntimeError(f"The count counted {counted} of {expected} ballots: its time is void.")
    first_end = rows[0][0].timestamp() + rows[0][1] / 1000
    last_end = rows[-1][0].timestamp() + rows[-1][1] / 1000
    return sum(row[3] for row in rows[1:]) / (last_end - first_end) if len(rows) > 1 else float("nan")


def recounted(stage: Stage) -> float:
    """Verify the whole backlog; ballots per second, all of it in."""
    started = time.monotonic()
    found = verify_election(stage.settings, stage.election.election_id)
    if not found.has_passed or found.message_count != stage.ballot_count:
        raise RuntimeError(f"The recount does not come to the count: {found.sentence(0)}")
    return stage.ballot_count / (time.monotonic() - started)


def main(size: str) -> None:
    """Measure and print."""
    ballots, rounds = SIZES[size]
    with staged(ballots) as stage:
        stage.send()
        print(f"{stage.ballot_count:,} ballots of {stage.election.voter_count:,} voters, 3 contests; {rounds} rounds")
        measured: dict[str, list[float]] = {}
        usages: list[Usage] = []
        for _ in range(rounds):
            figures, usage = drain(stage)
            usages.append(usage)
            recount = recounted(stage)
            bare = bare_consumer(stage)
            reset_election(stage.settings, stage.election.election_id)
            sink = sink_alone(stage)
            end_sink(stage)
            reset_election(stage.settings, stage.election.election_id)
            for name, value in {
                "count, warm (ballots/s)": figures["warm"],
                "count, with start-up (ballots/s)": figures["whole"],
                "independent recount (ballots/s)": recount,
                "bare consumer (ballots/s)": bare,
                "sink alone, one connection (ballots/s)": sink,
                "warm ÷ bare consumer": figures["warm"] / bare,
                "warm ÷ sink alone": figures["warm"] / sink,
            }.items():
                measured.setdefault(name, []).append(value)
    for usage in usages:
        for kind in usage.cpu_seconds:
            measured.setdefault(f"CPU µs per ballot: {kind}", []).append(
                usage.cpu_seconds[kind] / stage.ballot_count * 1e6
            )
            measured.setdefault(f"peak memory MiB: {kind}", []).append(usage.peak_mib[kind])
    _keep(size, stage, measured)
    print(f"{'':44} {'median':>12} {'min':>12} {'max':>12}")
    for name, values in measured.items():
        print(f"{name:44} {statistics.median(values):12,.2f} {min(values):12,.2f} {max(values):12,.2f}")


def end_sink(stage: Stage) -> None:
    """Say that the run which the calibrator began has ended, so that the next count need not wait for it."""
    with psycopg.connect(stage.settings.conninfo("counter"), autocommit=True) as connection:
        connection.execute(
            "update ledger.count_runs set ended_at = now(), ended_why = 'measured' where ended_at is null"
        )


def _keep(size: str, stage: Stage, measured: dict[str, list[float]]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{size}.json"
    (RESULTS / name).write_text(json.dumps({"ballots": stage.ballot_count, "measured": measured}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "smoke")
