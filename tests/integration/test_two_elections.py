"""Claims about elections beside each other: none waits for, sees or disturbs another."""

import threading
import time
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient
from pyspark.sql import SparkSession

from election_assets.domain.topics import votes_topic_of
from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError, TransientError
from election_assets.settings import Settings
from spark import workers
from spark.count import CountPlan
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import broken_rules, figures_of, owner, positions_of, uncounted_of
from tests.support.log import appended, opened
from tests.support.mixture import expected_figures, mixture
from tests.support.running import BackgroundCount, aged_heartbeat, await_position

Count = Callable[..., CountFigures]

STUCK_SECONDS = 1.5


def test_a_second_election_is_registered_opened_and_counted_while_the_first_is_being_counted(
    settings: Settings, spark_session: SparkSession, count_now: Count
) -> None:
    first, second = made_election("first"), made_election("second", voters_each=60)
    opened(settings, first)
    casts = {first.election_id: mixture(first, seed=1), second.election_id: mixture(second, seed=2)}
    half = len(casts["first"]) // 2
    appended(settings, "first", [cast.message for cast in casts["first"][:half]])
    counting = BackgroundCount(spark_session, settings, "first", idle_seconds=60, max_offsets_per_trigger=40)
    await_position(settings, "first", 1)

    opened(settings, second)
    appended(settings, "second", [cast.message for cast in casts["second"]])
    count_now("second")
    appended(settings, "first", [cast.message for cast in casts["first"][half:]])
    await_position(settings, "first", len(casts["first"]))
    outcome = counting.stopped()

    assert isinstance(outcome, CountFigures)
    assert outcome.ended_why == "stopped on request"
    for election in (first, second):
        name = election.election_id
        assert figures_of(settings, name) == expected_figures(election, casts[name])
        assert positions_of(settings, name)["next_offset"] == len(casts[name])
        assert broken_rules(settings, name) == []


def test_a_ballot_sent_to_another_elections_topic_counts_in_neither(settings: Settings, count_now: Count) -> None:
    here, there = made_election("here"), made_election("there")
    for election in (here, there):
        opened(settings, election)
    astray = draft(here, roll_of(here)[0]).message()
    (place,) = appended(settings, "there", [astray])
    for name in ("here", "there"):
        count_now(name)
        assert figures_of(settings, name).ballots == {}
    assert uncounted_of(settings, "there") == {place: Reason.WRONG_ELECTION}


def test_one_run_at_a_time_counts_an_election_and_a_dead_one_is_waited_for(
    settings: Settings, spark_session: SparkSession, count_now: Count
) -> None:
    election = made_election("one-at-a-time")
    opened(settings, election)
    appended(settings, "one-at-a-time", [draft(election, voter).message() for voter in roll_of(election)[:3]])
    counting = BackgroundCount(spark_session, settings, "one-at-a-time", idle_seconds=60)
    await_position(settings, "one-at-a-time", 3)
    with pytest.raises(TransientError, match=r"Run cli-\w+ is counting 'one-at-a-time'"):
        count_now("one-at-a-time")
    assert isinstance(counting.stopped(), CountFigures)


def test_a_dead_run_is_taken_over_from_where_the_clock_was_put_back_since(
    settings: Settings, count_now: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    election = made_election("put-back")
    opened(settings, election)
    appended(settings, "put-back", [draft(election, voter).message() for voter in roll_of(election)[:3]])
    count_now("put-back")
    with owner(settings) as connection:
        connection.execute(
            "update ledger.count_runs set ended_at = null, heartbeat_at = heartbeat_at + interval '2 hours'"
            " where election_number = (select election_number from registry.elections where election_id = 'put-back')"
        )
    appended(settings, "put-back", [draft(election, voter).message() for voter in roll_of(election)[3:5]])
    monkeypatch.setattr("spark.runs.DEAD_AFTER_SECONDS", 1.0)
    count_now("put-back")
    assert positions_of(settings, "put-back")["counted"] == 5


def test_a_run_that_is_stuck_in_its_start_is_taken_over_from(
    settings: Settings, spark_session: SparkSession, count_now: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    election = made_election("stuck-in-start")
    opened(settings, election)
    appended(settings, "stuck-in-start", [draft(election, voter).message() for voter in roll_of(election)])
    began, released, warm_up = threading.Event(), threading.Event(), workers.warm_up

    def hanging(session: SparkSession, plan: CountPlan) -> None:
        if not began.is_set():
            # Beyond that it beats no more.
            time.sleep(2 * STUCK_SECONDS)
            began.set()
            released.wait(60)
        warm_up(session, plan)

    monkeypatch.setattr(workers, "warm_up", hanging)
    monkeypatch.setattr("spark.runs.DEAD_AFTER_SECONDS", 4.0)
    stuck = BackgroundCount(spark_session, settings, "stuck-in-start", idle_seconds=60, stuck_seconds=STUCK_SECONDS)
    assert began.wait(60)
    count_now("stuck-in-start")
    assert positions_of(settings, "stuck-in-start")["counted"] == election.voter_count
    released.set()
    outcome = stuck.ended()
    assert isinstance(outcome, PermanentError)
    assert "may no longer write" in str(outcome) or "another run has taken over" in str(outcome)


def test_a_run_that_was_thought_dead_writes_nothing_once_another_has_taken_over(
    settings: Settings, spark_session: SparkSession, count_now: Count
) -> None:
    election = made_election("taken-over")
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)[:30]]
    appended(settings, "taken-over", ballots[:10])
    zombie = BackgroundCount(spark_session, settings, "taken-over", idle_seconds=60)
    await_position(settings, "taken-over", 10)
    aged_heartbeat(settings, "taken-over")
    count_now("taken-over")
    appended(settings, "taken-over", ballots[10:])
    outcome = zombie.ended()
    assert isinstance(outcome, PermanentError)
    assert "may no longer write" in str(outcome) or "another run has taken over" in str(outcome)
    count_now("taken-over")
    assert positions_of(settings, "taken-over")["counted"] == 30
    assert broken_rules(settings, "taken-over") == []


def test_partitions_added_during_the_count_end_the_run_and_hold_no_ballot_that_counts(
    settings: Settings, spark_session: SparkSession, count_now: Count
) -> None:
    election = made_election("added-partitions")
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)[:10]]
    appended(settings, "added-partitions", ballots[:5])
    counting = BackgroundCount(spark_session, settings, "added-partitions", idle_seconds=60)
    await_position(settings, "added-partitions", 5)
    with KafkaAdminClient(**settings.kafka.client_options()) as admin:
        admin.create_partitions({votes_topic_of("added-partitions"): 5})
    places = appended(settings, "added-partitions", [one._replace(partition=4) for one in ballots[5:8]])
    outcome = counting.ended()
    assert isinstance(outcome, TransientError)
    assert "Partition" in str(outcome)
    assert "was added to the topic during the count; the next run takes it up" in str(outcome)
    appended(settings, "added-partitions", ballots[5:])
    assert count_now("added-partitions").counted == 5
    assert uncounted_of(settings, "added-partitions") == dict.fromkeys(places, Reason.WRONG_PARTITION)
