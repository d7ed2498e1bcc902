"""The cost of the marts as a count grows: `python -m benchmarks.refresh [BALLOTS …]` prints a table and keeps it.

At each number of ballots counted it reads every mart whole, as `reader` and without sending rows, and refreshes the
history as a live night does. Flat is what the live marts promise: their cost hangs on the tallies, not on the ballots.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg

from benchmarks.__main__ import RESULTS
from benchmarks.stage import Stage, staged
from election_assets.dbt import build_marts, dbt_environment, run_dbt
from election_assets.settings import Settings

POINTS = (200_000, 2_000_000, 10_000_000)
_ROUNDS = 5
# Few enough that all cells of the tallies have votes from the first point on: only the ballots grow.
_PRECINCTS = 100
# It reads no table: what it takes longer, the machine is slower.
_CALIBRATOR = "(calibrator)"
_HISTORY = "refresh by `dbt build --selector history`"


def main(points: Sequence[int]) -> None:
    """Measure at each point, and print."""
    measured: dict[str, list[float]] = {}
    # Voters who stay away make the roll longer to load, and no mart longer to read.
    with staged(points[-1], turnout=0.95, precincts=_PRECINCTS) as stage:
        build_marts(stage.settings, stage.environment)
        for point in points:
            stage.send(point)
            _count(stage)
            refresh = {_HISTORY: _seconds_of_refresh(stage) * 1000}
            found = {**_size_of_tallies(stage.settings), **_milliseconds_by_mart(stage.settings), **refresh}
            for name, value in found.items():
                measured.setdefault(name, []).append(value)
            print(f"{stage.ballot_count:,} ballots counted", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    place = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-refresh.json"
    place.write_text(json.dumps({"ballots": points, "measured": measured}, indent=2))
    print(f"{'milliseconds, at ballots:':44}" + "".join(f"{point:>12,}" for point in points) + f"{'last ÷ first':>14}")
    for name, values in measured.items():
        print(f"{name:44}" + "".join(f"{value:12,.1f}" for value in values) + f"{values[-1] / values[0]:14.2f}")


def _count(stage: Stage) -> None:
    command = [sys.executable, "-m", "election_assets", "count", stage.election.election_id, "--until-idle"]
    subprocess.run(command, env=stage.environment, check=True, capture_output=True)
    with psycopg.connect(stage.settings.conninfo("reader")) as connection:
        row = connection.execute("select counted_count from marts.dim_elections").fetchone()
    if row != (stage.ballot_count,):
        raise RuntimeError(f"The count counted {row} of {stage.ballot_count} ballots: its time is void.")


def _size_of_tallies(settings: Settings) -> dict[str, float]:
    """Return what the marts' cost hangs on."""
    with psycopg.connect(settings.conninfo("owner")) as connection:
        row = connection.execute("select count(*), pg_table_size('ledger.tallies') from ledger.tallies").fetchone()
    assert row is not None
    return {"(ledger.tallies: thousands of rows)": row[0] / 1e3, "(ledger.tallies: MiB)": row[1] / 2**20}


def _milliseconds_by_mart(settings: Settings) -> dict[str, float]:
    """Return the least time of planning and executing each mart and the calibrator, of rounds that take all in turn."""
    with psycopg.connect(settings.conninfo("reader"), autocommit=True) as connection:
        marts = [
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
            )
        ]
        queries = {_CALIBRATOR: "select sum(n) from generate_series(1, 300000) n"}
        queries |= {mart: f"select * from marts.{mart}" for mart in marts}
        rounds = [{name: _milliseconds(connection, query) for name, query in queries.items()} for _ in range(_ROUNDS)]
        return {name: min(each[name] for each in rounds) for name in queries}


def _milliseconds(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(f"explain (analyze, timing off, format json) {query}".encode()).fetchone()
    assert row is not None
    (plan,) = row[0]
    return float(plan["Planning Time"] + plan["Execution Time"])


def _seconds_of_refresh(stage: Stage) -> float:
    started = time.monotonic()
    run_dbt(["build", "--selector", "history"], {**os.environ, **dbt_environment(stage.settings)})
    return time.monotonic() - started


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or POINTS)
