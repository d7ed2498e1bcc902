"""The log as it is: every message of a partition, read from Kafka from its first offset on."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaTimeoutError

from election_assets.errors import PermanentError
from election_assets.kafka_cluster import KafkaCluster, kafka_errors

_SILENT_SECONDS = 10.0
_BLOCK_MESSAGES, _BLOCK_BYTES = 20_000, 32 << 20
_TIMEOUTS = {"bootstrap_timeout_ms": 5_000, "request_timeout_ms": 10_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """A message as the log has it; its append time in milliseconds since 1970."""

    partition: int
    offset: int
    append_time_ms: int
    key: bytes | None
    value: bytes | None

    @property
    def appended_at(self) -> datetime:
        """Return the append time, exact to its millisecond."""
        return _EPOCH + timedelta(milliseconds=self.append_time_ms)


class UnreadableLogError(Exception):
    """What is at an offset and after it cannot be read: its bytes are not those that the broker wrote."""


class Log:
    """A votes topic, to be read; use as a context manager."""

    def __init__(self, kafka: KafkaCluster, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        with kafka_errors(kafka):
            self._consumer = KafkaConsumer(
                **kafka.client_options(),
                group_id=None,
                enable_auto_commit=False,
                max_poll_records=2_000,
                max_partition_fetch_bytes=4 << 20,
                auto_offset_reset="earliest",
                **_TIMEOUTS,
            )

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def ends(self) -> dict[int, tuple[int, int]]:
        """Return partition → (first offset, offset after the last); raise PermanentError where there is no topic."""
        with kafka_errors(self._kafka):
            numbers = self._consumer.partitions_for_topic(self._topic)
            if not numbers:
                raise PermanentError(
                    f"Kafka has no topic {self._topic!r}: it was deleted, or this is another cluster. Point "
                    "ELECTION_KAFKA_BOOTSTRAP_SERVERS at the right one."
                )
            places = [TopicPartition(self._topic, number) for number in sorted(numbers)]
            starts, ends = self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        return {place.partition: (starts[place], ends[place]) for place in places}

    def messages(self, partition: int, end: int) -> Iterator[list[Message]]:
        """Yield the messages below offset `end` of a partition in blocks, in order; offsets without one are left out.

        Blocks are large, since the voters of many ballots are looked up at once far sooner than those of few.

        Raises UnreadableLogError where the log's files were changed or damaged, and TransientError where the broker
        falls silent.
        """
        place = TopicPartition(self._topic, partition)
        reached, reached_at = 0, time.monotonic()
        block: list[Message] = []
        size = 0
        with kafka_errors(self._kafka):
            try:
                self._consumer.assign([place])
                self._consumer.seek(place, 0)
                while reached < end:
                    for one in self._consumer.poll(timeout_ms=500).get(place, ()):
                        if one.offset < end:
                            block.append(Message(partition, one.offset, one.timestamp, one.key, one.value))
                            size += len(one.value or b"")
                    position = self._consumer.position(place)
                    if len(block) >= _BLOCK_MESSAGES or size >= _BLOCK_BYTES or position >= end:
                        yield block
                        block, size = [], 0
                    if position != reached:
                        reached, reached_at = position, time.monotonic()
                    elif time.monotonic() - reached_at > _SILENT_SECONDS:
                        raise KafkaTimeoutError(
                            f"nothing came after offset {reached} of partition {partition}, which goes on to {end}"
                        )
            except CorruptRecordError as error:
                raise UnreadableLogError(f"{partition}:{reached} and after it: {error}") from error

    def last_value(self, key: bytes) -> bytes | None:
        """Return the last value that the topic, a small one, has for a key; None where it has none."""
        blocks = (block for partition, (_, end) in self.ends().items() for block in self.messages(partition, end))
        values = [message.value for block in blocks for message in block if message.key == key]
        return values[-1] if values else None


def topic_id_of(kafka: KafkaCluster, topic: str) -> str:
    """Return the id that Kafka gave a topic when it was made."""
    with kafka_errors(kafka):
        admin = KafkaAdminClient(**kafka.client_options(), **_TIMEOUTS)
        try:
            (found,) = admin.describe_topics([topic])
        finally:
            admin.close()
    return str(found["topic_id"])
