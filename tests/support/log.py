"""The votes topic from a producer's side: elections opened, raw messages appended, in transactions too."""

from collections.abc import Iterable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Acknowledged

from election_assets.domain.election import Election
from election_assets.domain.topics import votes_topic_of
from election_assets.opening import Opened, open_election
from election_assets.registry import register
from election_assets.settings import Settings
from tests.support.ballots import Message

Place = tuple[int, int]


def opened(settings: Settings, election: Election) -> Opened:
    """Register an election and open it."""
    register(settings.conninfo("registrar"), election)
    return open_election(settings, election.election_id)


def appended(settings: Settings, election_id: str, messages: Iterable[Message], codec: str = "none") -> list[Place]:
    """Append messages in their order, wait until the broker has them, and return their partitions and offsets."""
    # Not kafka-python, which refuses a message without key and value.
    # A batch of several may not be larger than the topic takes.
    producer = Producer(
        {
            "bootstrap.servers": str(settings.kafka),
            "enable.idempotence": True,
            "batch.size": 16_000,
            "compression.type": codec,
        }
    )
    topic = votes_topic_of(election_id, settings.votes_topic)
    places: dict[int, Place] = {}

    def settled(number: int, error: KafkaError | None, message: Acknowledged) -> None:
        if error is not None:
            raise KafkaException(error)
        places[number] = (message.partition(), message.offset())

    for number, message in enumerate(messages):
        producer.produce(topic, message.value, message.key, message.partition, partial(settled, number))
        producer.poll(0)
    producer.flush(60)
    return [places[number] for number in range(len(places))]


def appended_in_transaction(
    settings: Settings, election_id: str, messages: Sequence[Message], *, committed: bool
) -> None:
    """Append messages in one transaction, committed or aborted: the broker adds a marker to each partition."""
    topic = votes_topic_of(election_id, settings.votes_topic)
    producer = Producer(
        {"bootstrap.servers": str(settings.kafka), "transactional.id": f"test {election_id} {committed}"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for message in messages:
        producer.produce(topic, message.value, message.key, message.partition)
    # Without the flush an abort would drop what was not sent yet.
    producer.flush(30)
    if committed:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)
