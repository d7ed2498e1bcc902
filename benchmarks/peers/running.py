"""Installing and running the programs: tables, virtual environments, what a run took and whether it was right."""

import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.load import Totals
from benchmarks.looking import looking
from benchmarks.processes import watched
from benchmarks.stage import Stage
from engines.home import PROJECT, Home
from engines.jars import jar_paths, sync
from engines.java import find_java
from engines.stack import status

FOLDER = Path(__file__).parent
_ENVIRONMENTS = PROJECT / ".election" / "benchmarks" / "peers"
_LOOK_EVERY_SECONDS = 0.1
_LONGEST_SECONDS = 1_800
_SAID = "said.log"

_TABLES = """
create schema if not exists peers;
drop table if exists peers.participation, peers.totals;
create table peers.participation (voter_id text primary key, ballot_id uuid not null);
create table peers.totals (
    contest_id text, candidate_id text, precinct_id text, method text, vote_count bigint,
    primary key (contest_id, candidate_id, precinct_id, method)
);
"""
_ROLL = """
create table peers.roll as
select v.voter_id, u.reporting_unit_id as precinct_id, s.ballot_style_id
from registry.voters v
join registry.elections e using (election_number)
join registry.reporting_units u on u.election_id = e.election_id and u.reporting_unit_number = v.precinct_number
join registry.ballot_styles s on s.election_id = e.election_id and s.ballot_style_number = v.ballot_style_number
where e.election_id = %s
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, its arguments, the jars it needs, and whether it asks the roll."""

    title: str
    program: str
    arguments: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    asks_roll: bool = True

    def requirements(self) -> list[str]:
        """Return what was asked for, with its version, and not what came with it."""
        return (FOLDER / f"{self.program}.in").read_text().split()


PEERS = (
    Peer("bare consumer", "bare", ("1",), asks_roll=False),
    Peer("two bare consumers", "bare", ("2",), asks_roll=False),
    Peer("Spark the textbook way", "spark_textbook", jars=("spark", "postgresql")),
    Peer("Flink SQL", "flink_sql", jars=("flink", "postgresql")),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run took, and what is wrong with its totals.

    Warm is from the first commit that was seen to the last. The CPU is that of broker and database too, the memory is
    not.
    """

    figures: dict[str, float]
    flaw: str | None


def install(peer: Peer) -> Path:
    """Install what is locked, unless it is there; return the interpreter. Raises CalledProcessError where it fails."""
    python = _ENVIRONMENTS / peer.program / "bin" / "python"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True)
    lock = FOLDER / f"{peer.program}.txt"
    subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock], check=True)
    for name in peer.jars:
        sync(name)
    return python


def prepared(stage: Stage) -> str:
    """Make the tables of a run anew; return how to connect to them."""
    conninfo = stage.settings.conninfo("owner")
    with psycopg.connect(conninfo) as connection:
        connection.execute(_TABLES)
    return conninfo


def keep_roll(stage: Stage) -> None:
    """Put the roll into a table as everybody reads it, once for all runs."""
    with psycopg.connect(prepared(stage)) as connection:
        connection.execute("drop table if exists peers.roll")
        connection.execute(_ROLL, [stage.election.election_id])
        connection.execute("alter table peers.roll add primary key (voter_id)")
    with psycopg.connect(stage.settings.conninfo("owner"), autocommit=True) as connection:
        connection.execute("vacuum analyze peers.roll")


def run(peer: Peer, stage: Stage, expected: Totals, python: Path) -> Run:
    """Let a program count the whole log, in processes of its own and into empty tables."""
    conninfo = prepared(stage)
    work = Path(tempfile.mkdtemp(prefix="election-peer-"))
    engines = {one.name: one.pid for one in status(Home(stage.settings.home)) if one.pid}
    command = [str(python), str(FOLDER / f"{peer.program}.py"), *peer.arguments]
    started = time.monotonic()
    flaw = None
    try:
        with (
            _commits(conninfo) as commits,
            _started(command, _environment(peer, stage, conninfo, work)) as process,
            watched({**engines, "peer": process.pid}) as usage,
        ):
            code = process.wait(_LONGEST_SECONDS)
            seconds = time.monotonic() - started
        if code:
            flaw = f"it ended with {code}: {(work / _SAID).read_text(errors='replace')[-2_000:]}"
    except subprocess.TimeoutExpired:
        seconds, flaw = math.nan, f"it had not ended after {_LONGEST_SECONDS} s"
    finally:
        shutil.rmtree(work, ignore_errors=True)
    flaw = flaw or flaw_of(conninfo, "select * from peers.totals", expected)
    figures = {
        "warm /s": _warm(commits, stage.ballot_count),
        "whole /s": stage.ballot_count / seconds,
        "CPU µs/ballot": sum(usage.cpu_seconds.values()) / stage.ballot_count * 1e6,
        "peak MiB": usage.peak_mib.get("peer", math.nan),
    }
    return Run(figures, flaw)


@contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in its folder; when the body is left, none of its processes is."""
    work = Path(environment["WORK"])
    with (work / _SAID).open("wb") as said:
        process = subprocess.Popen(
            command, env=environment, cwd=work, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(peer: Peer, stage: Stage, conninfo: str, work: Path) -> dict[str, str]:
    parts = conninfo_to_dict(conninfo)
    names = {"PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user", "PGPASSWORD": "password"}
    found = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ELECTION_"))},
        **{name: str(parts[part]) for name, part in names.items()},
        "KAFKA": stage.brokers,
        "TOPIC": stage.topic,
        "WORK": str(work),
    }
    if peer.jars:
        found["JARS"] = ":".join(str(path) for name in peer.jars for path in jar_paths(name))
        found["JAVA_HOME"] = str(find_java(os.environ).resolve().parents[1])
    return found


@contextmanager
def _commits(conninfo: str) -> Iterator[list[tuple[float, int]]]:
    """Note when the totals' sum was seen to change, and to what, for as long as the body runs."""
    seen: list[tuple[float, int]] = []

    def look(connection: psycopg.Connection) -> None:
        row = connection.execute("select coalesce(sum(vote_count), 0)::bigint from peers.totals").fetchone()
        if row and row[0] and (not seen or seen[-1][1] != row[0]):
            seen.append((time.monotonic(), row[0]))

    with looking(conninfo, look, _LOOK_EVERY_SECONDS):
        yield seen


def _warm(commits: list[tuple[float, int]], messages: int) -> float:
    if len(commits) < 2:
        return float("nan")
    (first_at, first), (last_at, last) = commits[0], commits[-1]
    return messages * (last - first) / last / (last_at - first_at)


def flaw_of(conninfo: str, totals: LiteralString, expected: Totals) -> str | None:
    """Say how the totals that a query finds differ from what is expected; None where they do not."""
    with psycopg.connect(conninfo) as connection:
        found = {row[:4]: row[4] for row in connection.execute(totals) if row[4]}
    different = {key for key in found.keys() | expected.keys() if found.get(key, 0) != expected[key]}
    if not different:
        return None
    first = min(different)
    return (
        f"{len(different):,} of {len(expected):,} totals are wrong, and so its time is void: first"
        f" {' / '.join(first)}, {found.get(first, 0)} votes instead of {expected[first]}"
    )
