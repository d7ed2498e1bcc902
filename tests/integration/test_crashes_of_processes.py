"""Claims about whole processes killed while they count: the ledger is an uninterrupted count's, row for row."""

from collections.abc import Callable, Mapping

import psutil
import pytest
from pyspark.sql import SparkSession

from election_assets.counting import reset_election
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
    python_workers_of,
)

# What `tests/faults` does at random is told apart here, sentence by sentence.
pytestmark = pytest.mark.nightly

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
