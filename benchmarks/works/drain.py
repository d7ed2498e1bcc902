"""A backlog counted from its first message to its last, beside calibrators in the same round."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import LiteralString

import psycopg

from benchmarks.calibrators import bare_consumers, machine, sinks_alone
from benchmarks.load import Load, send
from benchmarks.peers.running import flaw_of
from benchmarks.processes import watched
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.counting import reset_election
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election
from election_assets.verifying import verify_election
from engines import stack
from engines.home import Home

TURNOUT = 0.7
TOTALS = "select contest_id, candidate_id, precinct_id, method, vote_count from ledger.tallies_added_up"
# Of larger backlogs the calibrators, which need them in memory, take the first million.
_CALIBRATED = 1_000_000
# A tenth of fewer micro-batches says little.
_BATCHES_OF_TENTHS = 30

_BATCHES = """
select extract(epoch from started_at)::float8, duration_ms / 1000.0::float8, message_count, counted
from ledger.batches join registry.elections using (election_number)
where election_id = %s
and epoch = (select max(epoch) from ledger.batches b where b.election_number = elections.election_number)
order by batch_number
"""
_LEDGER_BYTES = (
    "select sum(pg_total_relation_size(oid))::bigint from pg_class where relnamespace = 'ledger'::regnamespace"
)


def measure(size: Size) -> Iterator[Sample]:
    """Count a backlog of each length, in turn."""
    with engines(stack.Size.LAPTOP) as settings:
        stages: dict[int, tuple[Stage, Load]] = {}
        for ballots in size.drain:
            election = generate_election(f"drain-{ballots}", round(ballots / TURNOUT), turnout=TURNOUT)
            stage = opened(settings, election)
            stages[ballots] = stage, send(stage)
        stage, load = stages[max((one for one in stages if one <= _CALIBRATED), default=min(stages))]
        sent = list(islice(messages(stage.election), _CALIBRATED))
        for number in range(size.rounds):
            beside = machine() | sinks_alone(stage, sent) | bare_consumers(stage, load)
            yield Sample(CALIBRATORS, number, beside)
            for ballots, (one, its_load) in stages.items():
                figures = drained(one, its_load)
                if one is stage:
                    figures |= {"independent recount /s": recounted(one)} | ratios(figures, beside)
                emptied(one)
                yield Sample(f"{ballots:,} ballots", number, figures)


def ratios(figures: dict[str, float], beside: dict[str, float]) -> dict[str, float]:
    """Return how the warm count stands to each calibrator of the round that is a rate of its kind."""
    return {f"warm ÷ {name.split(',')[0]}": figures["warm /s"] / beside[name] for name in beside if "warm" in name} | {
        f"warm ÷ {name.removesuffix(' /s')}": figures["warm /s"] / beside[name] for name in beside if "sink" in name
    }


def drained(stage: Stage, load: Load) -> dict[str, float]:
    """Count the whole backlog in a process of its own; its totals must be exact. The ledger is left full."""
    election_id = stage.election.election_id
    servers = {one.name: one.pid for one in stack.status(Home(stage.settings.home)) if one.pid}
    command = [sys.executable, "-m", "election_assets", "count", election_id, "--until-idle"]
    wal, ledger = _wal_position(stage), _ledger_bytes(stage)
    started = time.monotonic()
    process = subprocess.Popen(command, env=stage.environment, stderr=subprocess.PIPE, text=True)
    with watched({**servers, "count": process.pid}) as usage:
        _, said = process.communicate()
    seconds = time.monotonic() - started
    if process.returncode:
        raise RuntimeError(f"The count failed: {said}")
    if flaw := flaw_of(stage.settings.conninfo("owner"), TOTALS, load.totals()):
        raise RuntimeError(f"The count of {election_id}: {flaw}.")
    return {
        **warm(stage),
        "whole /s": stage.ballot_count / seconds,
        "log bytes/ballot": _log_bytes(stage) / stage.ballot_count,
        "WAL bytes/ballot": (_wal_position(stage) - wal) / stage.ballot_count,
        "ledger bytes/ballot": (_ledger_bytes(stage) - ledger) / stage.ballot_count,
        **usage.figures(stage.ballot_count),
    }


def warm(stage: Stage) -> dict[str, float]:
    """Return messages per second from the end of the first micro-batch on, and how the last compare with the first.

    Raises RuntimeError where not all was counted that should be.
    """
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(_BATCHES, (stage.election.election_id,)).fetchall()
    counted, expected = sum(row[3] for row in rows), stage.ballot_count - stage.uncounted_count
    if counted != expected:
        raise RuntimeError(f"The count counted {counted:,} of {expected:,} ballots: its time is void.")
    found = {"warm /s": _rate(rows)}
    if len(rows) >= _BATCHES_OF_TENTHS:
        found["the last tenth costs × the second"] = _rate(_tenth(rows, 1)) / _rate(_tenth(rows, 9))
    return found


def _rate(rows: Sequence[tuple[float, float, int, int]]) -> float:
    """Return messages per second between the end of the first of some micro-batches and that of the last."""
    first, last = (row[0] + row[1] for row in (rows[0], rows[-1]))
    return sum(row[2] for row in rows[1:]) / (last - first) if len(rows) > 1 else float("nan")


def _tenth(rows: Sequence[tuple[float, float, int, int]], number: int) -> Sequence[tuple[float, float, int, int]]:
    """Return the micro-batches of a tenth, with the one before them, from whose end on they are timed."""
    return rows[len(rows) * number // 10 - 1 : len(rows) * (number + 1) // 10]


def recounted(stage: Stage) -> float:
    """Verify the whole backlog; messages per second, start and end of the process's work included."""
    started = time.monotonic()
    found = verify_election(stage.settings, stage.election.election_id)
    if not found.has_passed or found.message_count != stage.ballot_count:
        raise RuntimeError(f"The recount does not come to the count: {found.sentence(0)}")
    return stage.ballot_count / (time.monotonic() - started)


def emptied(stage: Stage) -> None:
    """Empty the ledger, and give the room back, so that the next count finds what this one found."""
    reset_election(stage.settings, stage.election.election_id)
    with psycopg.connect(stage.settings.conninfo("owner"), autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _log_bytes(stage: Stage) -> int:
    """Return what the votes topic takes on the brokers' disks, replicas included."""
    brokers = [one.data for one in stack.status(Home(stage.settings.home)) if one.name.startswith("kafka")]
    return sum(file.stat().st_size for data in brokers for file in data.glob(f"{stage.topic}-[0-9]*/*.log"))


def _wal_position(stage: Stage) -> int:
    return _asked(stage, "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")


def _ledger_bytes(stage: Stage) -> int:
    return _asked(stage, _LEDGER_BYTES)


def _asked(stage: Stage, question: LiteralString) -> int:
    with psycopg.connect(stage.settings.conninfo("owner")) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return int(row[0])
