"""Claims about an election night under Dagster: whatever dies or goes away, counting goes on by itself, and is right.

Each test takes the night on from where the one before left it, as a night does.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg
import psutil
import psycopg
import pytest

from election_assets.domain.election_folder import write_election
from election_assets.domain.synthetic import generate_election
from election_assets.domain.topics import votes_topic_of
from election_assets.environment import variables
from election_assets.instance import instance_variables
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from spark.topic import log_ends
from tests.support.ledger import broken_rules, positions_of
from tests.support.running import children_of, kill_engine

pytestmark = pytest.mark.slow

ELECTION = "night"
RATE = 60
VOTERS = 90_000
# That a minute is enough is measured by `make soak`; here a machine may be slow, or do other things too.
GOES_ON_WITHIN = 300.0

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Night:
    """`election live` at work."""

    process: subprocess.Popen[bytes]
    settings: Settings
    log: Path

    def under(self, words: str) -> psutil.Process:
        """Return the process that the command started with these words in its command line."""
        return next(one for one in children_of(self.process.pid) if words in " ".join(_command(one)))

    def jvm(self) -> psutil.Process:
        """Return the JVM of the count that runs now, wherever its parent went; wait for the next if it just ended."""

        def found() -> psutil.Process | None:
            return next((one for one in psutil.process_iter() if _is_jvm_of_night(one, self.settings.home)), None)

        jvm = _await(found, GOES_ON_WITHIN)
        assert jvm is not None, self.log.read_text()[-2000:]
        return jvm

    def python_workers(self) -> list[psutil.Process] | None:
        """Return the Python workers of that JVM, without the daemon that forks them; None while there are none."""
        jvm = self.jvm()
        daemons = {one.pid for one in jvm.children()}
        workers = [one for one in children_of(jvm.pid) if one.pid not in daemons]
        return [one for one in workers if "pyspark.daemon" in _command(one)] or None

    def position(self) -> int:
        """Return how far the ledger stands."""
        return positions_of(self.settings, ELECTION)["next_offset"]

    def lag(self) -> int:
        """Return how many messages of the log are not judged; a second's worth or less while the count keeps up."""
        topic = votes_topic_of(ELECTION)
        return log_ends(self.settings.kafka, [topic])[topic] - self.position()

    def goes_on(self) -> None:
        """Wait until the ledger moved on by what a dead run could not have committed any more, and caught up."""
        deadline = time.monotonic() + GOES_ON_WITHIN
        start = self.position() + 3 * RATE
        while self.position() < start or self.lag() > 2 * RATE:
            assert time.monotonic() < deadline, f"Nothing is counted: {self.log.read_text()[-2000:]}"
            time.sleep(0.5)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _is_jvm_of_night(process: psutil.Process, home: Path) -> bool:
    """Whether it is the JVM of a count on this home, and not the one that these tests count with."""
    command = _command(process)
    ours = "pyspark-shell" in command and any(str(home) in word for word in command)
    return ours and process.ppid() != os.getpid()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, settings: Settings, environment: dict[str, str]) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("live")
    write_election(generate_election(ELECTION, VOTERS, seed=3, contests=2, precincts=20), folder / ELECTION)
    log = folder / "live.log"
    command = [sys.executable, "-m", "election_assets", "live", str(folder / ELECTION), "--rate", str(RATE)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + GOES_ON_WITHIN
        while positions_or_none(settings) < RATE:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        night = Night(process, settings, log)
        night.goes_on()
        yield night
    finally:
        family = children_of(process.pid)
        process.terminate()
        process.wait(90)
        for one in family:
            if one.is_running():
                one.kill()


def positions_or_none(settings: Settings) -> int:
    try:
        return positions_of(settings, ELECTION)["next_offset"]
    except psycopg.Error:
        return 0


_NIGHTLY = [pytest.param(victim, marks=pytest.mark.nightly) for victim in ("worker", "jvm", "python")]


@pytest.mark.parametrize("victim", [*_NIGHTLY, "worker and code server", "daemon"])
def test_counting_goes_on_after_a_kill(night: Night, victim: str) -> None:
    if victim == "daemon":
        night.under("dagster._daemon").kill()
    elif victim == "python":
        workers = _await(night.python_workers, 60)
        assert workers
        for worker in workers:
            # Spark ends the others with the first.
            with suppress(psutil.NoSuchProcess):
                worker.kill()
    else:
        jvm = night.jvm()
        parent = jvm.parent()
        assert parent is not None
        dying = {"worker": [parent], "jvm": [jvm]}.get(victim) or [parent, jvm, night.under("dagster api grpc")]
        for one in dying:
            one.kill()
    night.goes_on()
    assert broken_rules(night.settings, ELECTION) == []


@pytest.mark.parametrize("engine", [pytest.param("postgres", marks=pytest.mark.nightly), "kafka"])
def test_counting_goes_on_after_an_engine_was_away(night: Night, engine: str, pytestconfig: pytest.Config) -> None:
    home = Home(night.settings.home)
    kill_engine(night.settings.home, engine)
    time.sleep(pytestconfig.getoption("--outage-seconds"))
    stack.up(home)
    night.goes_on()
    assert broken_rules(night.settings, ELECTION) == []


def test_a_count_ended_in_the_ui_ends_at_a_batch_boundary_and_the_sensor_starts_the_next(night: Night) -> None:
    with _instance(night.settings) as instance:
        (run, *_) = instance.get_runs(
            dg.RunsFilter(job_name="count_ballots_job", statuses=[dg.DagsterRunStatus.STARTED])
        )
        assert instance.run_launcher.terminate(run.run_id)
        ended = _await(lambda: _ended(instance, run.run_id), GOES_ON_WITHIN)
    assert ended is dg.DagsterRunStatus.CANCELED
    with psycopg.connect(night.settings.conninfo("auditor")) as connection:
        row = connection.execute("select ended_why from ledger.count_runs where run_id = %s", (run.run_id,)).fetchone()
    assert row == ("stopped on request",)
    night.goes_on()


def test_figures_are_told_while_it_counts_and_the_marts_are_built_by_themselves(night: Night) -> None:
    with _instance(night.settings) as instance:
        told = _await(lambda: _materialized(instance, "ledger", "tallies"), GOES_ON_WITHIN)
        built = _await(lambda: _materialized(instance, "marts", "fct_candidate_results"), GOES_ON_WITHIN)
        registered = _materialized(instance, "registry", "voters")
        in_log = _await(lambda: _materialized(instance, "votes", "raw_votes"), GOES_ON_WITHIN)
        lag = _await(lambda: _checked(instance, "lag_is_within_its_limit"), GOES_ON_WITHIN)
        # The history follows what is counted every minute; the other marts are views and need no building.
        followed = _await(lambda: _has_again(instance, "marts", "fct_results_history"), GOES_ON_WITHIN)
    assert followed
    assert built is not None
    assert registered is not None
    assert registered.metadata["dagster/row_count"].value == VOTERS
    assert in_log is not None
    assert lag is not None
    assert told is not None
    names = {"position", "lag", "messages_per_second", "batch_p50_ms", "batch_p95_ms", "oldest_unjudged_seconds"}
    assert names | {"rejected", "quarantined"} <= set(told.metadata)


def _materialized(instance: dg.DagsterInstance, *key: str) -> dg.AssetMaterialization | None:
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    return event.asset_materialization if event else None


def _has_again(instance: dg.DagsterInstance, *key: str) -> bool | None:
    return len(instance.fetch_materializations(dg.AssetKey(key), limit=2).records) == 2 or None


def _checked(instance: dg.DagsterInstance, name: str) -> object | None:
    key = dg.AssetCheckKey(dg.AssetKey(["ledger", "positions"]), name)
    return instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)


def test_ctrl_c_stops_all_of_it_and_counting_the_rest_gives_the_ballots_that_were_cast(
    night: Night, count_now: Callable[..., object]
) -> None:
    family = children_of(night.process.pid)
    night.process.send_signal(signal.SIGINT)
    assert night.process.wait(90) == 0
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert not [one for one in psutil.process_iter() if _is_jvm_of_night(one, night.settings.home)]
    count_now(ELECTION)
    counted = positions_of(night.settings, ELECTION)
    assert counted["counted"] + counted["rejected"] == counted["next_offset"]
    assert broken_rules(night.settings, ELECTION) == []


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    folder = str(settings.home / "dagster")
    with variables(instance_variables(settings)), dg.DagsterInstance.from_config(folder) as instance:
        yield instance


def _ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run and run.is_finished else None


def _await(found: Callable[[], Found | None], seconds: float) -> Found | None:
    deadline = time.monotonic() + seconds
    while (answer := found()) is None and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer
