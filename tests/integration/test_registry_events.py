"""Claims about the registry as events: the topics hold what was frozen and no more, whatever interrupted publishing."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from election_assets import registry_events
from election_assets.domain.election import Election
from election_assets.domain.synthetic import generate_election
from election_assets.errors import PermanentError, TransientError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.registry import register
from election_assets.registry_events import Published, publish_registry
from election_assets.settings import Settings
from spark.topic import TIMEOUTS, LogReader, topic_facts
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner
from tests.support.log import opened
from tests.support.running import kill_engine

Event = tuple[str, dict[str, Any]]


@pytest.fixture
def topics(settings: Settings) -> Settings:
    """The session's settings, with topics of this test's own."""
    name = uuid4()
    return replace(settings, voters_topic=f"voters.{name}", candidates_topic=f"candidates.{name}")


def events(settings: Settings, topic: str) -> list[Event]:
    """Return key and value of all messages, a partition after the other."""
    with LogReader(settings.kafka, topic) as log:
        return [
            (message.key.decode(), json.loads(message.value))
            for partition, (start, end) in log.starts_and_ends().items()
            for message in log.messages_from(partition, start, end)
        ]


def sent(settings: Settings) -> int:
    """Return how many events have been sent to both topics."""
    return len(events(settings, settings.voters_topic)) + len(events(settings, settings.candidates_topic))


def registry_of(settings: Settings, election: Election) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the topics must come to when they are compacted: voters and candidates by their keys."""
    election_id = election.election_id
    with owner(settings) as connection:
        groups = dict(
            connection.execute(
                "select voter_id, age_group from registry.voters join registry.elections using (election_number)"
                " where election_id = %s",
                (election_id,),
            ).fetchall()
        )
    voters = {
        f"{election_id}/{one.voter_id}": {
            "election_id": election_id,
            "voter_id": one.voter_id,
            "precinct_id": one.precinct_id,
            "ballot_style_id": one.ballot_style_id,
            "age_group": groups[one.voter_id],
        }
        for one in roll_of(election)
    }
    candidates = {
        f"{election_id}/{contest.contest_id}/{one.candidate_id}": {
            "election_id": election_id,
            "contest_id": contest.contest_id,
            "candidate_id": one.candidate_id,
            "candidate_name": one.candidate_name,
            "party": one.party,
            "is_write_in": one.is_write_in,
        }
        for contest in election.contests
        for one in contest.candidates
    }
    return voters, candidates


def published(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both topics as compaction leaves them."""
    return dict(events(settings, settings.voters_topic)), dict(events(settings, settings.candidates_topic))


def test_the_topics_hold_each_voter_and_candidate_of_every_open_election(topics: Settings) -> None:
    # The same ids in both, but for the voters'.
    elections = [made_election(f"events-{number}") for number in (1, 2)]
    for election in elections:
        opened(topics, election)
        assert publish_registry(topics, election.election_id) == Published(True, 200, 9)
    voters, candidates = published(topics)
    expected = [registry_of(topics, election) for election in elections]
    assert voters == expected[0][0] | expected[1][0]
    assert candidates == expected[0][1] | expected[1][1]
    assert sent(topics) == 2 * (200 + 9)
    for topic in (topics.voters_topic, topics.candidates_topic):
        facts = topic_facts(topics.kafka, topic)
        assert facts is not None
        assert facts.config["cleanup.policy"] == "compact"


def test_no_event_says_more_of_a_voter_than_where_and_how_old(topics: Settings) -> None:
    opened(topics, generate_election("events-private", 300, seed=3))
    publish_registry(topics, "events-private")
    voters, _ = published(topics)
    assert {frozenset(value) for value in voters.values()} == {
        frozenset(("election_id", "voter_id", "precinct_id", "ballot_style_id", "age_group"))
    }
    with owner(topics) as connection:
        known = connection.execute(
            "select full_name, email, phone from registry.voter_profiles join registry.elections"
            " using (election_number) where election_id = 'events-private'"
        ).fetchall()
    assert len(known) == 300
    told = json.dumps(voters)
    assert [one for person in known for one in person if one in told] == []


def test_publishing_again_sends_nothing(topics: Settings) -> None:
    opened(topics, made_election("events-twice", voters_each=5))
    assert publish_registry(topics, "events-twice").is_new
    before = sent(topics)
    assert publish_registry(topics, "events-twice") == Published(False, 25, 9)
    assert sent(topics) == before


def test_progress_is_told(topics: Settings) -> None:
    opened(topics, generate_election("events-progress", 3_000))
    told: list[tuple[int, int]] = []
    publish_registry(topics, "events-progress", lambda done, total: told.append((done, total)))
    assert told[-1] == (3_000, 3_000)
    assert len(told) > 1


@pytest.mark.parametrize("step", ["among the voters", "before the candidates", "before the last candidate"])
def test_publishing_that_was_interrupted_is_completed_by_the_next(
    topics: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    election = made_election("events-interrupted-" + step.replace(" ", "-"), voters_each=5)
    opened(topics, election)
    real_voters, real_send = registry_events._voters, registry_events.send_all

    def few_voters(*arguments: Any) -> Iterator[Any]:
        voters = real_voters(*arguments)
        yield from (next(voters) for _ in range(3))
        raise KeyboardInterrupt

    def voters_alone(kafka: KafkaCluster, topic: str, *arguments: Any, **others: Any) -> int:
        if topic == topics.candidates_topic:
            raise KeyboardInterrupt
        return real_send(kafka, topic, *arguments, **others)

    def interruption(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "among the voters":
            patched.setattr(registry_events, "_voters", few_voters)
        elif step == "before the candidates":
            patched.setattr(registry_events, "send_all", voters_alone)
        else:
            patched.setattr(registry_events, "publish", interruption)
        with pytest.raises(KeyboardInterrupt):
            publish_registry(topics, election.election_id)
    assert publish_registry(topics, election.election_id).is_new
    assert published(topics) == registry_of(topics, election)
    assert not publish_registry(topics, election.election_id).is_new


def test_an_election_that_nobody_stands_in_is_published_too(topics: Settings) -> None:
    election = made_election("events-nobody", voters_each=1)
    election = replace(election, contests=tuple(replace(one, candidates=()) for one in election.contests))
    opened(topics, election)
    assert publish_registry(topics, "events-nobody") == Published(True, 5, 0)
    assert len(events(topics, topics.voters_topic)) == 5


def test_a_draft_and_an_unknown_election_are_refused(topics: Settings) -> None:
    register(topics.conninfo("registrar"), made_election("events-draft", voters_each=1))
    with pytest.raises(PermanentError, match="still a draft: `election open events-draft` comes first"):
        publish_registry(topics, "events-draft")
    with pytest.raises(PermanentError, match="has no election 'events-unknown'"):
        publish_registry(topics, "events-unknown")
    assert topic_facts(topics.kafka, topics.voters_topic) is None


def await_no_more_than(threads: set[threading.Thread]) -> None:
    """Wait until all threads but these have ended, as those of a producer that is closed do."""
    deadline = time.monotonic() + 30
    while more := set(threading.enumerate()) - threads:
        assert time.monotonic() < deadline, more
        time.sleep(0.1)


@pytest.mark.slow
def test_a_broker_that_goes_away_is_a_sentence_and_publishing_again_completes_it(
    topics: Settings, restarted: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    election = generate_election("events-away", 30_000, seed=2)
    opened(topics, election)
    away = replace(topics, kafka=KafkaCluster("127.0.0.1:1"))
    with monkeypatch.context() as patched:
        patched.setitem(TIMEOUTS, "bootstrap_timeout_ms", 500)
        with pytest.raises(TransientError, match="did not answer"):
            publish_registry(away, "events-away")
    threads = set(threading.enumerate())
    reached = threading.Event()
    killer = threading.Thread(target=lambda: (reached.wait(60), kill_engine(topics.home, "kafka")))
    killer.start()
    with pytest.raises(
        TransientError,
        match=r"away for more than 3 s .*: [\d,]+ events were published\. `election open events-away` completes them",
    ):
        publish_registry(topics, "events-away", lambda done, _: reached.set() if done > 100 else None, wait_seconds=3)
    killer.join()
    await_no_more_than(threads)
    restarted()
    assert publish_registry(topics, "events-away") == Published(True, 30_000, 16)
    assert published(topics) == registry_of(topics, election)


def test_opening_on_the_command_line_publishes_the_registry(settings: Settings, environment: dict[str, str]) -> None:
    register(settings.conninfo("registrar"), made_election("events-opened", voters_each=5))
    for sentence in ("25 voters and 9 candidates published.", "25 voters and 9 candidates were published before."):
        done = subprocess.run(
            [sys.executable, "-m", "election_assets", "open", "events-opened"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert sentence in done.stderr
    assert len([key for key, _ in events(settings, "voters_topic") if key.startswith("events-opened/")]) == 25
