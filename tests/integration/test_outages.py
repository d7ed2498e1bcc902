"""Claims about engines that are away: one sentence that says which, and going on later from where it was."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from election_assets.casting import cast
from election_assets.counting import count_settings
from election_assets.domain.synthetic import generate_election
from election_assets.domain.topics import GUARDED_CONFIG, votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.resources.vote_log import create_topic
from election_assets.settings import Settings
from spark.count import CountPlan, Worker
from spark.figures import CountFigures
from spark.ledger import Writer
from spark.readiness import results_topic
from spark.registry import _ARRAYS, _write_arrays
from spark.results import ResultsTopic
from spark.stream import count
from spark.topic import TIMEOUTS, Leaders, LogReader, topic_facts
from tests.support.ballots import Message, draft
from tests.support.crashing import work_on
from tests.support.elections import frozen, made_election, roll_of
from tests.support.ledger import positions_of
from tests.support.log import appended, opened
from tests.support.running import BackgroundCount, await_position, kill_engine

pytestmark = pytest.mark.slow

Count = Callable[..., CountFigures]

AWAY = KafkaCluster("127.0.0.1:1")


@pytest.mark.parametrize(
    "question",
    [
        lambda: topic_facts(AWAY, "topic"),
        lambda: LogReader(AWAY, "topic"),
        lambda: create_topic(AWAY, "topic", 1, GUARDED_CONFIG),
        lambda: ResultsTopic(AWAY, "topic", "", "election"),
    ],
    ids=["looking at a topic", "reading a log", "making a topic", "publishing results"],
)
def test_a_broker_that_is_away_is_one_sentence_that_names_it(
    question: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "bootstrap_timeout_ms", 500)
    with pytest.raises(TransientError, match=f"Kafka at {AWAY} did not answer .*`election up` starts them") as away:
        question()
    assert "\n" not in str(away.value)


def test_a_topic_that_is_not_there_is_a_sentence_with_its_remedy(settings: Settings) -> None:
    with (
        LogReader(settings.kafka, "nobody_made_this") as log,
        pytest.raises(PermanentError, match="`election open` makes it"),
    ):
        log.starts_and_ends()
    with pytest.raises(PermanentError, match="`election open never-opened` makes it"):
        cast(settings, generate_election("never-opened", 10))


def test_a_database_that_is_away_is_one_sentence_and_may_be_tried_again(
    settings: Settings, spark_session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(settings, postgres_port=1)
    with pytest.raises(TransientError, match=r"Postgres went away during the count .* Count again"):
        count(spark_session, count_settings(away, "any"))
    # A worker waits for a while, for a database that is being started again.
    monkeypatch.setattr("spark.count.RECONNECT_SECONDS", 1.0)
    opened(settings, made_election("worker-away", voters_each=5))
    appended(settings, "worker-away", [Message(0, None, None)])
    work = work_on(settings, "worker-away", 0, 0, 1)
    plan = CountPlan(
        Writer(work.election.election_number, 1, "test"),
        work.election,
        away.conninfo("counter"),
        settings.home / "count",
    )
    with pytest.raises(TransientError, match="Postgres did not answer for 1 s"):
        Worker(plan).connection  # noqa: B018


def test_a_database_killed_under_an_idle_count_ends_it_with_a_sentence(
    settings: Settings, spark_session: SparkSession, count_now: Count, restarted: Callable[[], None]
) -> None:
    election = made_election("killed-idle", voters_each=5)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended(settings, "killed-idle", ballots[:5])
    counting = BackgroundCount(spark_session, settings, "killed-idle", idle_seconds=2)
    await_position(settings, "killed-idle", 5)
    kill_engine(settings.home, "postgres")
    outcome = counting.ended()
    assert isinstance(outcome, TransientError)
    assert "Postgres went away" in str(outcome)
    restarted()
    appended(settings, "killed-idle", ballots[5:])
    # Its end could not be written down, so the heartbeat that has stopped says it, 15 s later.
    count_now("killed-idle")
    assert positions_of(settings, "killed-idle")["counted"] == len(ballots)


def test_a_broker_killed_while_ballots_are_cast_is_waited_for_and_casting_goes_on_from_there(
    settings: Settings, count_now: Count, restarted: Callable[[], None]
) -> None:
    election = generate_election("cast-away", 3_000, seed=4)
    opened(settings, election)
    reached = threading.Event()
    killer = threading.Thread(target=lambda: (reached.wait(60), kill_engine(settings.home, "kafka")))
    killer.start()
    with pytest.raises(TransientError, match=r"away for more than 3 s .*: [\d,]+ ballots were cast\. Casting again"):
        cast(
            settings, election, rate=1500, wait_seconds=3, report=lambda done, _: reached.set() if done > 100 else None
        )
    killer.join()
    restarted()
    done = cast(settings, election)
    assert 0 < done.already_in_log < done.total
    assert done.sent == done.total - done.already_in_log
    count_now("cast-away")
    position = positions_of(settings, "cast-away")
    assert position["counted"] == done.total
    assert position["next_offset"] == done.total + position["rejected"]


def test_a_broker_killed_while_its_log_is_read_is_a_sentence(
    settings: Settings, restarted: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "request_timeout_ms", 2_000)
    opened(settings, made_election("read-away", voters_each=5))
    # More than the consumer fetches at once.
    appended(settings, "read-away", [Message(0, b"key", bytes(50_000)) for _ in range(100)])
    with LogReader(settings.kafka, votes_topic_of("read-away")) as log:
        messages = log.messages_from(0, 0, 100)
        next(messages)
        kill_engine(settings.home, "kafka")
        with pytest.raises(TransientError, match="nothing came after offset"):
            list(messages)


def test_who_leads_is_told_again_once_the_broker_is_back(
    settings: Settings, restarted: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "request_timeout_ms", 2_000)
    opened(settings, made_election("leaders-away", voters_each=5))
    with Leaders(settings.kafka, votes_topic_of("leaders-away")) as leaders:
        before = leaders.epochs()
        assert leaders.epochs() == before
        kill_engine(settings.home, "kafka")
        with pytest.raises(TransientError, match="did not answer"):
            leaders.epochs()
        restarted()
        assert leaders.epochs().keys() == before.keys()


def test_totals_that_the_broker_did_not_take_are_left_to_the_next_set(
    settings: Settings, restarted: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spark.results.MIN_SECONDS_BETWEEN", 0.0)
    opened(settings, made_election("totals-away", voters_each=5))
    with results_topic(count_settings(settings, "totals-away")) as topic:
        topic.publish()
        kill_engine(settings.home, "kafka")
        topic.publish_if_due(1)
        with pytest.raises(TransientError, match="did not answer"):
            topic.publish()
        restarted()
        topic.publish()


def test_a_worker_that_is_second_to_write_the_roll_takes_the_firsts(settings: Settings, tmp_path: Path) -> None:
    election, roll = frozen(made_election("rolls", voters_each=5))
    arrays = {name: getattr(roll, name) for name in _ARRAYS}
    for _ in range(2):
        _write_arrays(arrays, tmp_path / "rolls" / election.registry_hash)
    assert [path.name for path in (tmp_path / "rolls").iterdir()] == [election.registry_hash]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        _write_arrays(arrays, tmp_path / "file" / "deeper")
