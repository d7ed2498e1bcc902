"""Claims about whole processes killed while they count: the ledger is an uninterrupted count's, row for row."""

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from election_assets.counting import reset_election
from election_assets.errors import TransientError
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.elections import made_election
from tests.support.ledger import Rows, broken_rules, ledger_of
from tests.support.log import appended, opened
from tests.support.mixture import mixture
from tests.support.running import (
    BackgroundCount,
    aged_heartbeat,
    await_position,
    counting_process,
    jvm_of,
    kill_engine,
    python_workers_of,
)

pytestmark = pytest.mark.slow

Count = Callable[..., CountFigures]

ELECTION = "interrupted"
# Some 15 micro-batches, so that there is time to kill something between them and inside.
LIMIT = 200


@pytest.fixture(scope="module")
def uninterrupted(settings: Settings, count_now: Count) -> dict[str, Rows]:
    """The ledger of a count that nothing disturbed."""
    election = made_election(ELECTION, voters_each=300)
    opened(settings, election)
    appended(settings, ELECTION, [cast.message for cast in mixture(election, seed=33)])
    count_now(ELECTION)
    return ledger_of(settings, ELECTION)


@pytest.fixture
def emptied(settings: Settings, uninterrupted: dict[str, Rows]) -> dict[str, Rows]:
    """The ledger emptied, to be counted again into what is returned."""
    aged_heartbeat(settings, ELECTION)
    reset_election(settings, ELECTION)
    return uninterrupted


def counted_to_the_end(settings: Settings, count_now: Count) -> dict[str, Rows]:
    aged_heartbeat(settings, ELECTION)
    count_now(ELECTION)
    assert broken_rules(settings, ELECTION) == []
    return ledger_of(settings, ELECTION)


def test_a_driver_killed_while_it_counts_is_gone_on_from(
    settings: Settings, environment: Mapping[str, str], count_now: Count, emptied: dict[str, Rows]
) -> None:
    with counting_process(environment, ELECTION, LIMIT) as process:
        await_position(settings, ELECTION, 3 * LIMIT)
        process.kill()
        process.wait()
        # At once: what the dead driver's JVM and workers still do is fenced off.
        assert counted_to_the_end(settings, count_now) == emptied


def test_a_jvm_killed_while_it_counts_is_one_sentence_and_gone_on_from(
    settings: Settings, environment: Mapping[str, str], count_now: Count, emptied: dict[str, Rows]
) -> None:
    with counting_process(environment, ELECTION, LIMIT) as process:
        await_position(settings, ELECTION, 5 * LIMIT)
        jvm_of(process.pid).kill()
        _, said = process.communicate(timeout=90)
        assert process.returncode != 0
    assert b"TransientError: Spark's JVM went away during the count" in said.splitlines()[-1]
    assert counted_to_the_end(settings, count_now) == emptied


def test_python_workers_killed_while_they_count_are_replaced(
    settings: Settings, spark_session: SparkSession, emptied: dict[str, Rows]
) -> None:
    count = BackgroundCount(spark_session, settings, ELECTION, max_offsets_per_trigger=LIMIT)
    jvm = jvm_of(psutil.Process().pid)
    for position in (LIMIT, 7 * LIMIT):
        await_position(settings, ELECTION, position)
        for worker in python_workers_of(jvm):
            worker.kill()
    outcome = count.ended()
    assert isinstance(outcome, CountFigures)
    assert ledger_of(settings, ELECTION) == emptied


def test_stopped_python_workers_end_their_run_which_is_gone_on_from(
    settings: Settings, environment: Mapping[str, str], count_now: Count, emptied: dict[str, Rows]
) -> None:
    with counting_process(environment, ELECTION, LIMIT, stuck_seconds=15) as process:
        await_position(settings, ELECTION, 3 * LIMIT)
        for worker in python_workers_of(jvm_of(process.pid)):
            worker.suspend()
        _, said = process.communicate(timeout=90)
    assert b"TransientError: A micro-batch did not end within 15 s" in said.splitlines()[-1]
    assert counted_to_the_end(settings, count_now) == emptied


@pytest.mark.parametrize("engine", ["postgres", "kafka"])
def test_an_engine_killed_and_started_again_in_the_middle_changes_nothing(
    settings: Settings,
    spark_session: SparkSession,
    count_now: Count,
    restarted: Callable[[], None],
    emptied: dict[str, Rows],
    engine: str,
) -> None:
    count = BackgroundCount(spark_session, settings, ELECTION, max_offsets_per_trigger=LIMIT)
    await_position(settings, ELECTION, 3 * LIMIT)
    kill_engine(settings.home, engine)
    restarted()
    outcome = count.ended()
    assert isinstance(outcome, CountFigures | TransientError)
    assert counted_to_the_end(settings, count_now) == emptied


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_killed_whenever_the_ledger_comes_out_the_same(
    settings: Settings,
    environment: Mapping[str, str],
    count_now: Count,
    restarted: Callable[[], None],
    emptied: dict[str, Rows],
    seed: int,
) -> None:
    randomly = random.Random(seed)
    for _ in range(3):
        with counting_process(environment, ELECTION, LIMIT) as process:
            time.sleep(randomly.uniform(5, 15))
            victim = randomly.choice(["driver", "jvm", "workers", "postgres", "kafka"])
            kill(victim, process.pid, settings.home)
            restarted()
            time.sleep(randomly.uniform(0, 2))
    # No heartbeat is aged here: the dead are waited for as long as it takes.
    count_now(ELECTION)
    assert ledger_of(settings, ELECTION) == emptied


def kill(victim: str, driver: int, home: Path) -> None:
    try:
        if victim == "driver":
            psutil.Process(driver).kill()
        elif victim == "jvm":
            jvm_of(driver).kill()
        elif victim == "workers":
            for worker in python_workers_of(jvm_of(driver)):
                worker.kill()
        else:
            kill_engine(home, victim)
    except (psutil.NoSuchProcess, StopIteration):
        # It has counted everything and is gone, which is an interruption too few, not a failure.
        return
