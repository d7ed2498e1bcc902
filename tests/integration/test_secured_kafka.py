"""Claims about a Kafka that lets in only whom it knows: elections are cast, counted and recounted there."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from election_assets.counting import count_settings
from election_assets.domain.topics import votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.resources.vote_log import send_ballots
from election_assets.settings import Settings
from election_assets.verifying import verify_election
from spark.stream import count
from spark.topic import topic_facts
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.log import opened
from tests.support.secured import CERTIFIED, PASSWORDS, SecuredKafka, allowed, secured_kafka


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker beside the session's own."""
    with secured_kafka(tmp_path_factory.mktemp("secured-kafka")) as made:
        yield made


@pytest.fixture
def reaching(kafka: SecuredKafka, settings: Settings) -> Callable[..., Settings]:
    """Return the settings of this session's database and of a way to the secured broker; keywords change variables."""

    def made(*way: str, **changes: str) -> Settings:
        environment = {"ELECTION_HOME": str(settings.home), **kafka.environment(*way), **changes}
        return replace(Settings.from_environment(environment), spark_master=settings.spark_master)

    return made


WAYS = [
    ("SASL_SSL", "office", "SCRAM-SHA-512"),
    pytest.param(("SASL_SSL", "office", "PLAIN"), marks=pytest.mark.slow),
    pytest.param(("SASL_PLAINTEXT", "office", "SCRAM-SHA-256"), marks=pytest.mark.slow),
    ("SSL", CERTIFIED),
]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_an_election_is_opened_cast_counted_and_recounted_there(
    reaching: Callable[..., Settings], spark_session: SparkSession, marts: Callable[[], None], way: tuple[str, ...]
) -> None:
    there = reaching(*way)
    election = made_election("-".join(["secured", *way]).lower().replace("_", "-"), voters_each=10)
    opened(there, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    pairs = [(one.key, one.value) for one in ballots]
    send_ballots(there.kafka, votes_topic_of(election.election_id), election.partition_count, pairs)
    assert count(spark_session, count_settings(there, election.election_id, idle_seconds=0.2)).counted == len(ballots)
    assert verify_election(there, election.election_id).has_passed


# As docs/operations.md has them.
RIGHTS = {
    "counter": [
        ("TOPIC", "votes_topic", "READ"),
        ("TOPIC", "votes_topic", "DESCRIBE_CONFIGS"),
        ("TOPIC", "elections_topic", "READ"),
        ("TOPIC", "elections_topic", "DESCRIBE_CONFIGS"),
        ("TOPIC", "results_vote_per_candidate_topic", "WRITE"),
    ],
    "auditor": [
        ("TOPIC", "votes_topic", "READ"),
        ("TOPIC", "elections_topic", "READ"),
    ],
    "precinct": [("TOPIC", "votes_topic", "WRITE")],
}


def test_each_service_does_its_part_with_the_rights_of_that_part_alone(
    reaching: Callable[..., Settings], spark_session: SparkSession, marts: Callable[[], None]
) -> None:
    office, counter, auditor, precinct = (
        reaching("SASL_SSL", name) for name in ("office", "counter", "auditor", "precinct")
    )
    election = made_election("secured-by-rights", voters_each=10)
    topic = votes_topic_of(election.election_id)
    pairs = [(one.key, one.value) for one in (draft(election, voter).message() for voter in roll_of(election))]
    opened(office, election)
    with pytest.raises(PermanentError, match=r"refuses counter \(TopicAuthorizationFailedError"):
        count(spark_session, count_settings(counter, election.election_id, idle_seconds=0.2))
    with pytest.raises(PermanentError, match="refuses precinct"):
        send_ballots(precinct.kafka, topic, election.partition_count, pairs)
    for name, rights in RIGHTS.items():
        allowed(office.kafka, name, rights)
    with pytest.raises(PermanentError, match="refuses counter"):
        send_ballots(counter.kafka, topic, election.partition_count, pairs)
    assert send_ballots(precinct.kafka, topic, election.partition_count, pairs) == len(pairs)
    run = count_settings(counter, election.election_id, idle_seconds=0.2)
    assert count(spark_session, run).counted == len(pairs)
    assert verify_election(auditor, election.election_id).has_passed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ELECTION_KAFKA_PASSWORD": "wrong"}, "does not know ELECTION_KAFKA_USERNAME by ELECTION_KAFKA_PASSWORD"),
        ({"ELECTION_KAFKA_CA_FILE": "other.pem"}, "certificate is none of ELECTION_KAFKA_CA_FILE"),
    ],
)
def test_whom_the_broker_does_not_know_is_told_so(
    reaching: Callable[..., Settings], kafka: SecuredKafka, changes: dict[str, str], sentence: str
) -> None:
    changes = {name: str(kafka.folder / value) if name.endswith("FILE") else value for name, value in changes.items()}
    stranger = reaching("SASL_SSL", "office", "SCRAM-SHA-512", **changes)
    with pytest.raises(TransientError, match=sentence):
        topic_facts(stranger.kafka, "votes_topic")


def test_a_password_is_in_no_log(settings: Settings, kafka: SecuredKafka) -> None:
    logs = [*settings.home.rglob("*.log"), *settings.home.rglob("*.out"), *kafka.folder.glob("*.out")]
    assert settings.home / "count" / "spark.log" in logs
    for password in PASSWORDS.values():
        assert [path for path in logs if password in path.read_text(errors="replace")] == []
