"""Claims about the guard: a log, a registry or a freeze that is not the recorded one is refused in a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from election_assets.counting import reset_election
from election_assets.domain.election import Election
from election_assets.domain.topics import GUARDED_CONFIG, votes_topic_of
from election_assets.errors import PermanentError
from election_assets.opening import open_election
from election_assets.registry import register
from election_assets.resources.vote_log import create_topic
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import ledger_of, owner, positions_of
from tests.support.log import appended, opened
from tests.support.logcut import cut_log
from tests.support.running import kill_engine

Count = Callable[..., CountFigures]

GUARDED = made_election("guarded")
OTHER_VALUES = {
    "cleanup.policy": "compact",
    "retention.ms": "1000",
    "retention.bytes": "1000000",
    "message.timestamp.type": "CreateTime",
    "max.message.bytes": "1048588",
    "unclean.leader.election.enable": "true",
}


@pytest.fixture(scope="module")
def guarded(settings: Settings, count_now: Count) -> str:
    """The id of an election with a few ballots counted."""
    opened(settings, GUARDED)
    cast_blanks(settings, GUARDED, 0, 12)
    count_now("guarded")
    return "guarded"


def cast_blanks(settings: Settings, election: Election, first: int, stop: int) -> None:
    appended(
        settings, election.election_id, [draft(election, voter).message() for voter in roll_of(election)[first:stop]]
    )


def refusal(count_now: Count, election_id: str) -> str:
    with pytest.raises(PermanentError) as refused:
        count_now(election_id)
    return str(refused.value)


@contextmanager
def administering(settings: Settings) -> Iterator[KafkaAdminClient]:
    with KafkaAdminClient(**settings.kafka.client_options()) as admin:
        yield admin


@contextmanager
def behind_the_triggers(settings: Settings, statement: str, undoing: str) -> Iterator[None]:
    """Change the database as a superuser who switches the triggers off; undo it afterwards."""
    with owner(settings) as connection:
        connection.execute("set session_replication_role = replica")
        assert connection.execute(statement.encode()).rowcount == 1
        try:
            yield
        finally:
            connection.execute(undoing.encode())


def test_every_guarded_setting_is_tried_here() -> None:
    assert OTHER_VALUES.keys() == GUARDED_CONFIG.keys()


@pytest.mark.parametrize("name", GUARDED_CONFIG)
def test_a_topic_with_another_setting_is_refused_until_it_is_set_back(
    settings: Settings, count_now: Count, guarded: str, name: str
) -> None:
    topic = votes_topic_of(guarded)
    with administering(settings) as admin:

        def set_to(value: str) -> None:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])

        set_to(OTHER_VALUES[name])
        said = refusal(count_now, guarded)
        set_to(GUARDED_CONFIG[name])
    assert f"{name}={OTHER_VALUES[name]}" in said
    assert f"kafka-configs --alter --topic {topic} --add-config {name}={GUARDED_CONFIG[name]}" in said


def test_with_everything_set_back_the_count_goes_on(settings: Settings, count_now: Count, guarded: str) -> None:
    cast_blanks(settings, GUARDED, 12, 15)
    assert count_now(guarded).counted == 3


@pytest.mark.parametrize(
    ("statement", "undoing"),
    [
        (
            "update registry.candidates set candidate_name = 'Nobody'"
            " where election_id = 'guarded' and candidate_id = 'ann'",
            "update registry.candidates set candidate_name = 'Ann'"
            " where election_id = 'guarded' and candidate_id = 'ann'",
        ),
        (
            "update registry.contests set votes_allowed = 2 where election_id = 'guarded' and contest_id = 'mayor'",
            "update registry.contests set votes_allowed = 1 where election_id = 'guarded' and contest_id = 'mayor'",
        ),
        (
            "update registry.voters set voter_id = 'x' || voter_id where voter_number = 0 and election_number ="
            " (select election_number from registry.elections where election_id = 'guarded')",
            "update registry.voters set voter_id = substr(voter_id, 2) where voter_number = 0 and election_number ="
            " (select election_number from registry.elections where election_id = 'guarded')",
        ),
    ],
    ids=["a candidate", "a contest", "a voter"],
)
def test_a_registry_changed_behind_the_triggers_is_refused(
    settings: Settings, count_now: Count, guarded: str, statement: str, undoing: str
) -> None:
    with behind_the_triggers(settings, statement, undoing):
        said = refusal(count_now, guarded)
    assert "is not what was frozen" in said
    assert "Restore the registry's rows from a backup" in said
    count_now(guarded)


@pytest.mark.parametrize(
    ("statement", "undoing", "told"),
    [
        ("alter system set fsync = off", "alter system reset fsync", "fsync=off"),
        ("alter system set full_page_writes = off", "alter system reset full_page_writes", "full_page_writes=off"),
        *(
            (f"alter role counter set {name} = {value}", f"alter role counter reset {name}", told)
            for name, value, told in (
                ("synchronous_commit", "off", "synchronous_commit=off"),
                ("zero_damaged_pages", "on", "zero_damaged_pages=on"),
                ("ignore_checksum_failure", "on", "ignore_checksum_failure=on"),
                ("session_replication_role", "replica", "session_replication_role=replica"),
                ("default_transaction_read_only", "on", "transaction_read_only=on"),
            )
        ),
        ("alter role counter superuser", "alter role counter nosuperuser", "is a superuser"),
        (
            "revoke update on ledger.positions from counter",
            "grant update on ledger.positions to counter",
            "may not write the ledger",
        ),
        (
            "alter table registry.candidates disable trigger user",
            "alter table registry.candidates enable trigger user",
            "alter table registry.candidates enable trigger",
        ),
    ],
)
def test_a_database_that_may_lose_or_change_something_is_refused(
    settings: Settings, count_now: Count, guarded: str, statement: str, undoing: str, told: str
) -> None:
    with owner(settings) as connection:
        connection.execute(statement.encode())
        connection.execute("select pg_reload_conf()")
        try:
            assert told in refusal(count_now, guarded)
        finally:
            connection.execute(undoing.encode())
            connection.execute("select pg_reload_conf()")


def test_a_freeze_that_the_log_tells_otherwise_is_refused(settings: Settings, count_now: Count, guarded: str) -> None:
    other = "0" * 64
    with owner(settings) as connection:
        (ours,) = connection.execute(
            "select registry_hash from registry.elections where election_id = 'guarded'"
        ).fetchone() or ("",)
    change = "update registry.elections set {} where election_id = 'guarded'"
    with (
        behind_the_triggers(settings, change.format("topic_id = 'another'"), change.format("topic_id = topic_id")),
        owner(settings) as connection,
    ):
        said = refusal(count_now, guarded)
        connection.execute("set session_replication_role = replica")
        topic_id = said.split(" has id ")[1].split(",")[0]
        connection.execute(change.format(f"topic_id = '{topic_id}'").encode())
    assert "deleted and made anew" in said
    with KafkaProducer(**settings.kafka.client_options()) as producer:

        def publish(value: bytes | None) -> None:
            producer.send(settings.elections_topic, key=b"guarded", value=value).get(timeout=10)

        publish(f'{{"registry_hash":"{other}","topic_id":"{topic_id}","partition_count":3}}'.encode())
        assert other in refusal(count_now, guarded)
        assert ours in refusal(count_now, guarded)
        publish(None)
        assert "`election open guarded` publishes it" in refusal(count_now, guarded)
    open_election(settings, "guarded")
    count_now("guarded")


def test_an_unknown_election_and_a_draft_are_refused(settings: Settings, count_now: Count) -> None:
    assert "`election register nowhere` comes first" in refusal(count_now, "nowhere")
    register(settings.conninfo("registrar"), made_election("draft"))
    assert "`election open draft` comes first" in refusal(count_now, "draft")


def test_a_topic_deleted_or_made_anew_is_refused(settings: Settings, count_now: Count) -> None:
    opened(settings, made_election("made-anew"))
    topic = votes_topic_of("made-anew")
    with administering(settings) as admin:
        admin.delete_topics([topic])
    said = refusal(count_now, "made-anew")
    assert "no topic" in said
    assert "ELECTION_KAFKA_BOOTSTRAP_SERVERS" in said
    create_topic(settings.kafka, topic, 3, GUARDED_CONFIG)
    said = refusal(count_now, "made-anew")
    assert "deleted and made anew" in said
    assert "Register the election under a new id" in said


def test_a_log_whose_beginning_was_deleted_is_refused(settings: Settings, count_now: Count) -> None:
    election = made_election("beheaded")
    opened(settings, election)
    cast_blanks(settings, election, 0, 30)
    count_now("beheaded")
    with administering(settings) as admin:
        admin.delete_records({TopicPartition(votes_topic_of("beheaded"), 1): 2})
    said = refusal(count_now, "beheaded")
    assert "Partition 1 of 'votes_topic.beheaded' starts at offset 2, not 0" in said
    assert "Restore the topic from its archive" in said


def test_a_log_cut_below_the_position_is_refused_and_so_is_one_grown_again(
    settings: Settings, count_now: Count, restarted: Callable[[], None]
) -> None:
    cut, grown = (made_election(name, partition_count=1) for name in ("cut", "grown-again"))
    for election in (cut, grown):
        opened(settings, election)
        for first, stop in ((0, 20), (20, 30)):
            cast_blanks(settings, election, first, stop)
        count_now(election.election_id)
    before = {name: ledger_of(settings, name) for name in ("cut", "grown-again")}
    (kafka,) = (engine for engine in stack.status(Home(settings.home)) if engine.name == "kafka")
    kill_engine(settings.home, "kafka")
    for election in (cut, grown):
        cut_log(kafka.data, votes_topic_of(election.election_id), 0, 20)
    restarted()
    cast_blanks(settings, grown, 40, 60)

    said = refusal(count_now, "cut")
    assert "ends at offset 20, but the ledger has judged up to 30: the log was cut" in said
    assert "`election reset`" in said
    said = refusal(count_now, "grown-again")
    assert "has at offset 29 a message appended at" in said
    assert "cut and has grown again" in said
    assert {name: ledger_of(settings, name) for name in before} == before

    # As both sentences say: what is there now can be judged from the start.
    reset_election(settings, "grown-again")
    count_now("grown-again")
    assert positions_of(settings, "grown-again")["counted"] == 40
