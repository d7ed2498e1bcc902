"""What viewers of the results page cost.

An election is counted while its ballots come in at 200 a second, and so many sessions have its results page open. A
session speaks Streamlit's protocol over a websocket as a browser does: it asks for the page, and then for its fragment
every two seconds; it draws nothing. Queries are those that Postgres logs for `reader`, the age of what is shown is
from the figures' commit to their arrival at a session.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.calibrators import machine
from benchmarks.casting import awaited
from benchmarks.looking import looking
from benchmarks.processes import watched
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets import servers
from election_assets.dbt import build_marts
from election_assets.domain.election_folder import write_election
from election_assets.domain.synthetic import generate_election
from election_assets.instance import write_instance
from election_assets.settings import Settings
from engines import stack
from engines.home import Home

_RATE = 200
_SECONDS = 30.0
_WARM_UP_SECONDS = 10.0
_REFRESH_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.05
_POSITION = re.compile(rb"position ([\d,\\]+)")


@dataclass(slots=True)
class Seen:
    """What the sessions saw: when which position came, and how long each refresh took, in seconds."""

    positions: list[tuple[float, int]] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)


async def watch(address: str, until: float, seen: Seen) -> None:
    """Have the results page open until `until`, of the monotonic clock."""
    # A viewer waits for a page that is busy, and so does this one.
    patient = connect(
        address, subprotocols=[Subprotocol("streamlit")], max_size=None, ping_interval=None, open_timeout=None
    )
    async with patient as session:
        asked = BackMsg()
        asked.rerun_script.query_string = "election=viewers"
        fragment_id, page_hash = await _answered(session, asked, seen)
        asked.rerun_script.fragment_id = fragment_id
        asked.rerun_script.page_script_hash = page_hash
        asked.rerun_script.is_auto_rerun = True
        due = time.monotonic()
        while (due := due + _REFRESH_SECONDS) < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            started = time.monotonic()
            await _answered(session, asked, seen)
            seen.refreshes.append(time.monotonic() - started)


async def _answered(session: ClientConnection, asked: BackMsg, seen: Seen) -> tuple[str, str]:
    """Ask, and read what is sent until the script has finished; return the ids of its fragment and of the page."""
    fragment_id = page_hash = ""
    await session.send(asked.SerializeToString())
    while True:
        payload = await session.recv(decode=False)
        if found := _POSITION.search(payload):
            seen.positions.append((time.time(), int(found[1].translate(None, b",\\"))))
        message = ForwardMsg.FromString(payload)
        kind = message.WhichOneof("type")
        if kind == "auto_rerun":
            fragment_id = message.auto_rerun.fragment_id
        elif kind == "new_session":
            page_hash = message.new_session.page_script_hash
        elif kind == "script_finished":
            return fragment_id, page_hash


async def _watch_together(address: str, sessions: int, seconds: float) -> Seen:
    seen = Seen()
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as together:
        for _ in range(sessions):
            together.create_task(watch(address, until, seen))
            # People do not come all at once.
            await asyncio.sleep(_REFRESH_SECONDS / sessions)
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    return seen


@contextmanager
def commits_of(settings: Settings) -> Iterator[dict[int, float]]:
    """Note the time at which each position was committed, for as long as the body runs."""
    found: dict[int, float] = {}

    def look(connection: psycopg.Connection) -> None:
        row = connection.execute("select sum(next_offset), max(committed_at) from ledger.positions").fetchone()
        if row and row[1]:
            found.setdefault(int(row[0]), row[1].timestamp())

    with looking(settings.conninfo("auditor"), look, _LOOK_EVERY_SECONDS):
        yield found


@contextmanager
def night(stage: Stage) -> Iterator[dict[str, int]]:
    """Count while ballots come in; yields the pids of what counts and casts."""
    folder = stage.settings.home / "elections" / stage.election.election_id
    write_election(stage.election, folder)
    commands = {
        "count": ["count", stage.election.election_id],
        "voters": ["cast", str(folder), "--rate", str(_RATE)],
    }
    with ExitStack() as running:
        pids = {}
        for name, command in commands.items():
            process = subprocess.Popen(
                [sys.executable, "-m", "election_assets", *command], env=stage.environment, stderr=subprocess.DEVNULL
            )
            running.callback(process.wait)
            running.callback(process.terminate)
            pids[name] = process.pid
        yield pids


def measure(size: Size) -> Iterator[Sample]:
    """Measure with each number of sessions, in turn, all beside one night."""
    # As many as come in meanwhile, at most: more sessions than the page can keep up with take longer.
    ballots = _RATE * 4 * (_SECONDS + _WARM_UP_SECONDS) * len(size.viewers) * size.rounds
    election = generate_election("viewers", round(ballots / 0.7), precincts=100, turnout=0.7)
    with engines(stack.Size.LAPTOP) as settings, ExitStack() as running:
        stage = opened(settings, election)
        build_marts(settings, stage.environment)
        log = Home(settings.home).path / "postgres" / "postgres.log"
        with psycopg.connect(settings.conninfo("owner"), autocommit=True) as connection:
            connection.execute("alter role reader set log_statement = 'all'")
        os.environ["ELECTION_HOME"] = stage.environment["ELECTION_HOME"]
        write_instance(settings.home)
        page = running.enter_context(servers.page(settings, ()))
        servers.await_all([page], lambda: False)
        address = f"ws://127.0.0.1:{page.port}/_stcore/stream"
        engine_pids = {one.name: one.pid for one in stack.status(Home(settings.home)) if one.pid}
        pids = {**engine_pids, **running.enter_context(night(stage)), "page": page.process.pid}
        commits = running.enter_context(commits_of(settings))
        awaited(lambda: bool(commits))
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            for sessions in size.viewers:
                asyncio.run(_watch_together(address, min(sessions, 1), _WARM_UP_SECONDS))
                figures = _watched(address, sessions, pids, log, commits)
                yield Sample(f"{sessions} sessions", number, figures)


def _watched(
    address: str, sessions: int, pids: dict[str, int], log: Path, commits: dict[int, float]
) -> dict[str, float]:
    said = log.stat().st_size
    started, began = time.monotonic(), time.process_time()
    with watched(pids) as usage:
        seen = asyncio.run(_watch_together(address, sessions, _SECONDS))
    # Longer than asked for where the page cannot keep up.
    seconds = time.monotonic() - started
    cpu = usage.cpu_seconds | {"sessions": time.process_time() - began}
    ages = [came - commits[position] for came, position in seen.positions if position in commits]
    return {
        "refreshes /s": len(seen.refreshes) / seconds,
        "queries /s": _queries(log, said) / seconds,
        **_quantiles("a refresh", seen.refreshes),
        **_quantiles("age of what is shown", ages),
        **{f"cores: {kind}": used / seconds for kind, used in sorted(cpu.items())},
    }


def _queries(log: Path, start: int) -> int:
    with log.open("rb") as file:
        file.seek(start)
        return sum(b"reader@" in line and b" LOG: " in line for line in file)


def _quantiles(name: str, values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return {f"{name}, p50, s": cut[49], f"{name}, p95, s": cut[94]}
