"""A count with nothing to do for minutes keeps its Python workers, so that the next ballot does not wait for them."""

import os
import time

import pytest
from pyspark.sql import SparkSession

from election_assets.settings import Settings
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.log import appended, opened
from tests.support.running import BackgroundCount, await_position, jvm_of, python_workers_of

# Spark ends workers that are idle for a minute, and looks every ten seconds.
IDLE_SECONDS = 80.0


@pytest.mark.nightly
def test_workers_that_were_idle_for_longer_than_spark_keeps_them_are_still_there(
    settings: Settings, spark_session: SparkSession
) -> None:
    election = made_election("idle", partition_count=1)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended(settings, "idle", ballots[:10])
    counting = BackgroundCount(spark_session, settings, "idle", idle_seconds=2 * IDLE_SECONDS)
    await_position(settings, "idle", 10)
    before = {worker.pid for worker in python_workers_of(jvm_of(os.getpid()))}
    time.sleep(IDLE_SECONDS)
    assert {worker.pid for worker in python_workers_of(jvm_of(os.getpid()))} == before
    appended(settings, "idle", ballots[10:20])
    await_position(settings, "idle", 20)
    counting.stopped()
