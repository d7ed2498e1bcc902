"""A topic as it stands: what it is, how far it reaches, single messages of it.

Reads only, with kafka-python; the messages to be counted come through Spark (`source.py`).
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAuthorizationFailedError

from election_assets.errors import PermanentError
from election_assets.kafka_cluster import KafkaCluster, kafka_errors

_UNKNOWN_TOPIC = 3
# A broker that is there answers within milliseconds; who can wait longer asks again. One that was away is found again
# within a second, where the client would let half a minute go by.
TIMEOUTS = {"bootstrap_timeout_ms": 5_000, "request_timeout_ms": 10_000, "reconnect_backoff_max_ms": 1_000}


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic's identity and settings; `replicas` is the least of its partitions."""

    topic: str
    topic_id: str
    partition_count: int
    replicas: int
    broker_count: int
    config: dict[str, str]


def topic_facts(kafka: KafkaCluster, topic: str) -> TopicFacts | None:
    """Describe a topic; None where there is none. Raises what `kafka_errors` does."""
    with kafka_errors(kafka):
        admin = KafkaAdminClient(**kafka.client_options(), **TIMEOUTS)
        try:
            (found,) = admin.describe_topics([topic])
            if found["error_code"] == _UNKNOWN_TOPIC:
                return None
            if found["error_code"] == TopicAuthorizationFailedError.errno:
                raise TopicAuthorizationFailedError(topic)
            brokers = admin.describe_cluster()["brokers"]
            resource = ConfigResource(ConfigResourceType.TOPIC, topic)
            config = admin.describe_configs([resource], config_filter="all")["topic"][topic]
        finally:
            admin.close()
    return TopicFacts(
        topic=topic,
        topic_id=str(found["topic_id"]),
        partition_count=len(found["partitions"]),
        replicas=min(len(partition["replica_nodes"]) for partition in found["partitions"]),
        broker_count=len(brokers),
        config={name: entry["value"] for name, entry in config.items()},
    )


def log_ends(kafka: KafkaCluster, topics: Iterable[str]) -> dict[str, int]:
    """Return topic → the end of its log, summed over partitions; a topic that is not there is left out."""
    with kafka_errors(kafka):
        consumer = KafkaConsumer(**kafka.client_options(), group_id=None, enable_auto_commit=False, **TIMEOUTS)
        try:
            places = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            ends = Counter[str]()
            for place, end in consumer.end_offsets(places).items():
                ends[place.topic] += end
        finally:
            consumer.close()
    return dict(ends)


class Leaders:
    """Asks who leads a topic's partitions, each time over the same connection; use as a context manager."""

    def __init__(self, kafka: KafkaCluster, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._admin: KafkaAdminClient | None = None

    def __enter__(self) -> "Leaders":
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def epochs(self) -> dict[int, int]:
        """Return partition → epoch of its leader: another one means that the log may have been cut."""
        with kafka_errors(self._kafka):
            if self._admin:
                try:
                    return self._asked(self._admin)
                except KafkaError:
                    # A broker that came back may be found by a new client only.
                    self._hang_up()
            self._admin = KafkaAdminClient(**self._kafka.client_options(), **TIMEOUTS)
            return self._asked(self._admin)

    def _asked(self, admin: KafkaAdminClient) -> dict[int, int]:
        (found,) = admin.describe_topics([self._topic])
        return {one["partition_index"]: one["leader_epoch"] for one in found["partitions"]}

    def _hang_up(self) -> None:
        if self._admin:
            self._admin.close()
            self._admin = None


class LogReader:
    """Looks at a topic's ends and at single messages; use as a context manager."""

    def __init__(self, kafka: KafkaCluster, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        with kafka_errors(kafka):
            self._consumer = KafkaConsumer(
                **kafka.client_options(),
                group_id=None,
                enable_auto_commit=False,
                **TIMEOUTS,
            )

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def starts_and_ends(self) -> dict[int, tuple[int, int]]:
        """Return partition → (first offset, offset after the last); raise PermanentError without the topic."""
        with kafka_errors(self._kafka):
            numbers = self._consumer.partitions_for_topic(self._topic)
            if not numbers:
                raise PermanentError(f"Kafka has no topic {self._topic!r}: `election open` makes it.")
            partitions = [TopicPartition(self._topic, number) for number in sorted(numbers)]
            starts = self._consumer.beginning_offsets(partitions)
            ends = self._consumer.end_offsets(partitions)
        return {one.partition: (starts[one], ends[one]) for one in partitions}

    def message_at(self, partition: int, offset: int) -> ConsumerRecord | None:
        """Return the message at an offset; None where there is none (beyond the end, or a hole)."""
        messages = self.messages_from(partition, offset, offset + 1)
        return next((message for message in messages if message.offset == offset), None)

    def messages_from(self, partition: int, start: int, end: int) -> Iterator[ConsumerRecord]:
        """Yield the messages of [start, end) of a partition, in order of offset.

        Raises TransientError where the broker falls silent: the consumer itself would wait for ever.
        """
        place = TopicPartition(self._topic, partition)
        with kafka_errors(self._kafka):
            end = min(end, self._consumer.end_offsets([place])[place])
            self._consumer.assign([place])
            self._consumer.seek(place, start)
            reached, reached_at = start, time.monotonic()
            while reached < end:
                for message in self._consumer.poll(timeout_ms=1000).get(place, []):
                    if message.offset < end:
                        yield message
                position = self._consumer.position(place)
                if position != reached:
                    reached, reached_at = position, time.monotonic()
                elif time.monotonic() - reached_at > TIMEOUTS["request_timeout_ms"] / 1000:
                    raise KafkaTimeoutError(f"nothing came after offset {reached} of partition {partition}")


def latest_value(kafka: KafkaCluster, topic: str, key: bytes) -> bytes | None:
    """Return the last value that a small compacted topic has for a key, None where it has none."""
    if topic_facts(kafka, topic) is None:
        return None
    with LogReader(kafka, topic) as log:
        values = [
            message.value
            for partition, (start, stop) in log.starts_and_ends().items()
            for message in log.messages_from(partition, start, stop)
            if message.key == key
        ]
    return values[-1] if values else None
