"""A log that is cut and grows again under a running count is refused, not counted on."""

from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from election_assets.domain.topics import votes_topic_of
from election_assets.errors import ElectionError, PermanentError
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import ledger_of
from tests.support.log import appended, opened
from tests.support.logcut import cut_log
from tests.support.running import BackgroundCount, await_position, kill_engine

Count = Callable[..., CountFigures]


def test_a_log_cut_and_grown_again_under_a_running_count_is_refused(
    settings: Settings, spark_session: SparkSession, count_now: Count, restarted: Callable[[], None]
) -> None:
    election = made_election("watched", partition_count=1)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    for first, stop in ((0, 20), (20, 30)):
        appended(settings, "watched", ballots[first:stop])
    counting = BackgroundCount(spark_session, settings, "watched", idle_seconds=60)
    await_position(settings, "watched", 30)
    before = ledger_of(settings, "watched")
    (kafka,) = (engine for engine in stack.status(Home(settings.home)) if engine.name == "kafka")
    kill_engine(settings.home, "kafka")
    cut_log(kafka.data, votes_topic_of("watched"), 0, 20)
    restarted()
    appended(settings, "watched", ballots[40:60])
    assert isinstance(counting.ended(), ElectionError)
    assert ledger_of(settings, "watched") == before
    with pytest.raises(PermanentError, match="cut and has grown again"):
        count_now("watched")
