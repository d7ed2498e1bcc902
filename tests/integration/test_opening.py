"""Claims about opening: done twice it is one, interrupted anywhere it can be done again, and never on another's log."""

import json
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from election_assets.domain.topics import GUARDED_CONFIG, votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.opening import open_election
from election_assets.registry import register
from election_assets.resources.vote_log import create_topic
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.topic import TIMEOUTS, LogReader, topic_facts
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner, positions_of
from tests.support.log import appended, opened

Count = Callable[..., CountFigures]


def registered(settings: Settings, election_id: str) -> None:
    register(settings.conninfo("registrar"), made_election(election_id, voters_each=5))


def freezes(settings: Settings, election_id: str) -> list[dict[str, object]]:
    """Return what `elections_topic` says of an election, in order."""
    with LogReader(settings.kafka, settings.elections_topic) as log:
        (end,) = (stop for _, stop in log.starts_and_ends().values())
        return [
            json.loads(message.value)
            for message in log.messages_from(0, 0, end)
            if message.key == election_id.encode() and message.value
        ]


def restored_from_before_the_opening(settings: Settings, election_id: str) -> None:
    """Make the database forget an election, as one restored from an old backup has never heard of it."""
    with owner(settings) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "delete from ledger.positions where election_number ="
            " (select election_number from registry.elections where election_id = %s)",
            (election_id,),
        )
        tables = connection.execute(
            "select table_name from information_schema.columns"
            " where table_schema = 'registry' and column_name = 'election_id' and table_name <> 'elections'"
        ).fetchall()
        for (table,) in [*tables, ("elections",)]:
            connection.execute(f"delete from registry.{table} where election_id = %s".encode(), (election_id,))


def test_opening_twice_is_opening_once(settings: Settings) -> None:
    registered(settings, "opened-twice")
    first = open_election(settings, "opened-twice")
    second = open_election(settings, "opened-twice")
    assert (first.is_new, second.is_new) == (True, False)
    assert second == replace(first, is_new=False)
    (published,) = freezes(settings, "opened-twice")
    assert (
        published.items()
        >= {
            "election_id": "opened-twice",
            "registry_hash": first.registry_hash,
            "topic": votes_topic_of("opened-twice"),
            "topic_id": first.topic_id,
            "partition_count": 3,
        }.items()
    )


def test_the_topic_is_made_as_the_guard_wants_it(settings: Settings) -> None:
    made = opened(settings, made_election("well-made", voters_each=5))
    facts = topic_facts(settings.kafka, made.topic)
    assert facts is not None
    assert (facts.topic_id, facts.partition_count) == (made.topic_id, 3)
    assert {name: facts.config[name] for name in GUARDED_CONFIG} == GUARDED_CONFIG


def test_voters_are_numbered_by_the_bytes_of_their_ids(settings: Settings) -> None:
    registered(settings, "numbered")
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        election = "election_number = (select election_number from registry.elections where election_id = 'numbered')"
        connection.execute(f"update registry.voters set voter_number = null where {election}".encode())
        # Capitals come before small letters, but in most languages' own order they do not.
        connection.execute(
            f"update registry.voters set voter_id = upper(voter_id) where {election} and voter_id < 'v9'".encode()
        )
    open_election(settings, "numbered")
    with psycopg.connect(settings.conninfo("auditor")) as connection:
        rows = connection.execute(
            f"select voter_id from registry.voters where {election} order by voter_number".encode()
        ).fetchall()
    ids = [voter_id for (voter_id,) in rows]
    assert ids == sorted(ids, key=str.encode)
    assert (ids[0][0], ids[-1][0], len(ids)) == ("V", "v", 25)


@pytest.mark.parametrize("step", ["registry_hash", "create_topic", "topic_facts", "publish_freeze", "publish"])
def test_an_opening_interrupted_at_any_step_is_completed_by_the_next(
    settings: Settings, count_now: Count, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    election = made_election("interrupted-at-" + step.replace("_", "-"), voters_each=5)
    register(settings.conninfo("registrar"), election)

    def interruption(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"election_assets.opening.{step}", interruption)
        with pytest.raises(KeyboardInterrupt):
            open_election(settings, election.election_id)
    if step in ("publish_freeze", "publish"):
        # Frozen, but elections_topic does not know it yet.
        with pytest.raises(PermanentError, match=f"`election open {election.election_id}` publishes it"):
            count_now(election.election_id)
    open_election(settings, election.election_id)
    assert len(freezes(settings, election.election_id)) == 1
    appended(settings, election.election_id, [draft(election, roll_of(election)[0]).message()])
    assert count_now(election.election_id).counted == 1


def test_a_topic_with_messages_from_before_the_freeze_is_refused(settings: Settings) -> None:
    election = made_election("too-early", voters_each=5)
    register(settings.conninfo("registrar"), election)
    create_topic(settings.kafka, votes_topic_of("too-early"), 3, GUARDED_CONFIG)
    appended(settings, "too-early", [draft(election, roll_of(election)[0]).message()])
    with pytest.raises(PermanentError, match=r"with 3 partitions and 1 messages: .* before the freeze cannot count"):
        open_election(settings, "too-early")
    with pytest.raises(PermanentError, match="before the freeze cannot count"):
        open_election(settings, "too-early")


def test_a_topic_with_another_number_of_partitions_is_refused(settings: Settings) -> None:
    registered(settings, "other-partitions")
    create_topic(settings.kafka, votes_topic_of("other-partitions"), 2, GUARDED_CONFIG)
    with pytest.raises(PermanentError, match="with 2 partitions"):
        open_election(settings, "other-partitions")


def test_a_database_restored_from_before_the_opening_is_refused(settings: Settings, count_now: Count) -> None:
    election = made_election("restored", voters_each=5)
    opened(settings, election)
    appended(settings, "restored", [draft(election, voter).message() for voter in roll_of(election)[:4]])
    count_now("restored")
    restored_from_before_the_opening(settings, "restored")
    register(settings.conninfo("registrar"), replace(election, election_name="As it was drafted before"))
    with pytest.raises(PermanentError, match="was opened before, with other contents: this database is older"):
        open_election(settings, "restored")
    # With the very contents that were frozen, its log is judged again from the start.
    register(settings.conninfo("registrar"), election)
    open_election(settings, "restored")
    count_now("restored")
    assert positions_of(settings, "restored")["counted"] == 4


def test_a_roll_of_another_size_than_announced_is_refused(settings: Settings) -> None:
    registered(settings, "short-roll")
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        connection.execute(
            "delete from registry.voters where voter_number = 3 and election_number ="
            " (select election_number from registry.elections where election_id = 'short-roll')"
        )
    with pytest.raises(PermanentError, match=r"has 4 voters on the roll, but ballot_styles.csv says 5"):
        open_election(settings, "short-roll")


def test_an_unknown_election_and_a_broker_that_is_away_are_one_sentence_each(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "bootstrap_timeout_ms", 500)
    with pytest.raises(PermanentError, match="`election register nowhere` comes first"):
        open_election(settings, "nowhere")
    registered(settings, "no-broker")
    away = replace(settings, kafka=KafkaCluster("127.0.0.1:1"))
    with pytest.raises(TransientError, match=r"Kafka at 127.0.0.1:1 did not answer .* `election up` starts them"):
        open_election(away, "no-broker")
    assert open_election(settings, "no-broker").is_new
