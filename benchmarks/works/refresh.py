"""What the marts cost as a count grows, after 10,000 new ballots each time.

Every mart is read whole, as `reader` and without sending rows; then the history is refreshed as a live night does, by
dbt's command and by dbt in a process that has it loaded. Flat is what the live marts promise: their cost hangs on the
tallies, not on the ballots.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
from dbt.cli.main import dbtRunner

from benchmarks.calibrators import machine
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.dbt import DBT_PROJECT, build_marts, dbt_environment, run_dbt
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from engines import stack

# Few enough that all cells of the tallies have votes from the first point on: only the ballots grow.
_PRECINCTS = 100
# Voters who stay away make the roll longer to load, and no mart longer to read.
_TURNOUT = 0.95
_NEW_BALLOTS = 10_000
# It reads no table: what it takes longer, the machine is slower.
_CALIBRATOR = "select sum(n) from generate_series(1, 300000) n"
_HISTORY = ["build", "--selector", "history"]


def measure(size: Size) -> Iterator[Sample]:
    """Measure at each length of the count, every round once before the next."""
    ballots = size.refresh[-1] + (size.rounds + 1) * len(size.refresh) * _NEW_BALLOTS
    election = generate_election("refresh", round(ballots / _TURNOUT), precincts=_PRECINCTS, turnout=_TURNOUT)
    with engines(stack.Size.LAPTOP) as settings:
        stage = opened(settings, election)
        build_marts(settings, stage.environment)
        in_process = dbtRunner()
        for point in size.refresh:
            stage.send(point)
            _count(stage)
            _refreshed_in_process(settings, in_process)
            for number in range(size.rounds):
                stage.send(stage.ballot_count + _NEW_BALLOTS)
                _count(stage)
                yield Sample(CALIBRATORS, number, machine())
                figures = {
                    **_size_of_tallies(settings),
                    **_milliseconds_by_mart(settings),
                    "dbt in process, ms": _refreshed_in_process(settings, in_process),
                    "dbt by command, ms": _refreshed_by_command(settings),
                }
                yield Sample(f"{point:,} ballots", number, figures)


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
    return {"ledger.tallies, rows": row[0], "ledger.tallies, MiB": row[1] / 2**20}


def _milliseconds_by_mart(settings: Settings) -> dict[str, float]:
    """Return the time of planning and executing each mart, and a query that hangs on the processor alone."""
    with psycopg.connect(settings.conninfo("reader"), autocommit=True) as connection:
        marts = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
        queries = {"no table, ms": _CALIBRATOR}
        queries |= {f"{mart}, ms": f"select * from marts.{mart}" for (mart,) in marts}
        return {name: _milliseconds(connection, query) for name, query in queries.items()}


def _milliseconds(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(f"explain (analyze, timing off, format json) {query}".encode()).fetchone()
    assert row is not None
    (plan,) = row[0]
    return float(plan["Planning Time"] + plan["Execution Time"])


def _refreshed_by_command(settings: Settings) -> float:
    started = time.monotonic()
    run_dbt(_HISTORY, {**os.environ, **dbt_environment(settings)})
    return (time.monotonic() - started) * 1000


def _refreshed_in_process(settings: Settings, dbt: dbtRunner) -> float:
    os.environ |= dbt_environment(settings)
    place = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    started = time.monotonic()
    done = dbt.invoke(["--quiet", *_HISTORY, *place])
    if not done.success:
        raise RuntimeError(f"dbt did not refresh the history: {done.exception or done.result}")
    return (time.monotonic() - started) * 1000
