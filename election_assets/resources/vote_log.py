"""Kafka, written to: topics made, ballots and events sent.

Reading a topic is in `spark/topic.py`, which the count needs too.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError
from kafka.serializer import Serializer

from election_assets.domain.partitioning import partition_of
from election_assets.errors import TransientError
from election_assets.kafka_cluster import KafkaCluster, kafka_errors, refusals
from spark.topic import TIMEOUTS, topic_facts

# The topic takes no larger batch than 64 KiB, headers included.
BATCH_BYTES = 60 * 1024
# The client's own limit: more than one batch of each partition need not be in a request.
_REQUEST_BYTES = 1 << 20
_REPLICAS, _IN_SYNC = 3, 2
_LOOKS, _LOOK_AGAIN_SECONDS = 100, 0.05
_UNACKNOWLEDGED = 20_000
_REPORT_EVERY = 1_000
_NULL = object()


class _Nullable(Serializer):  # type: ignore[misc]
    """Lets a message have neither key nor value, which the client itself refuses and the log may hold."""

    def serialize(self, topic: str, headers: Any, data: Any) -> bytes | None:
        return None if data is _NULL else data


class Record(NamedTuple):
    """A message to be sent; without a partition the client chooses one, without a time it is now."""

    key: bytes | None
    value: bytes | None
    partition: int | None = None
    timestamp_ms: int | None = None


def create_topic(kafka: KafkaCluster, topic: str, partitions: int, config: Mapping[str, str]) -> None:
    """Make a topic unless it is there: replicated three times, two in sync, where there are several brokers."""
    with kafka_errors(kafka):
        admin = KafkaAdminClient(**kafka.client_options(), **TIMEOUTS)
        try:
            # One of three that is away is not told of, and has its replica made when it is back.
            is_cluster = len(admin.describe_cluster()["brokers"]) > 1
            spec = {
                "num_partitions": partitions,
                "replication_factor": _REPLICAS if is_cluster else 1,
                "configs": {**config, "min.insync.replicas": str(_IN_SYNC) if is_cluster else "1"},
            }
            admin.create_topics({topic: spec}, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return
        finally:
            admin.close()


def configure_topic(kafka: KafkaCluster, topic: str, config: Mapping[str, str]) -> None:
    """Set these keys of a topic's configuration, leave the others as they are, and wait until the brokers say so."""
    with kafka_errors(kafka):
        admin = KafkaAdminClient(**kafka.client_options(), **TIMEOUTS)
        try:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(config))])
        finally:
            admin.close()
    for _ in range(_LOOKS):
        facts = topic_facts(kafka, topic)
        if facts is None or config.items() <= facts.config.items():
            break
        time.sleep(_LOOK_AGAIN_SECONDS)


def producer(kafka: KafkaCluster, wait_seconds: float = 60, request_bytes: int = _REQUEST_BYTES) -> KafkaProducer:
    """Return a producer whose acknowledged messages stay: acks=all, idempotent, batched."""
    with kafka_errors(kafka):
        return KafkaProducer(
            **kafka.client_options(),
            acks="all",
            enable_idempotence=True,
            linger_ms=20,
            batch_size=BATCH_BYTES,
            max_request_size=request_bytes,
            value_serializer=_Nullable(),
            max_block_ms=int(wait_seconds * 1000),
            delivery_timeout_ms=int(wait_seconds * 1000),
            request_timeout_ms=min(int(wait_seconds * 500), 30_000),
            reconnect_backoff_max_ms=TIMEOUTS["reconnect_backoff_max_ms"],
        )


def publish(kafka: KafkaCluster, topic: str, key: bytes, value: bytes) -> None:
    """Send one event and wait until it is acknowledged."""
    with kafka_errors(kafka):
        sender = producer(kafka)
        try:
            sender.send(topic, key=key, value=value).get(timeout=30)
        finally:
            _close(sender, 5)


def send_ballots(
    kafka: KafkaCluster,
    topic: str,
    partition_count: int,
    ballots: Iterable[tuple[bytes, bytes]],
    report: Callable[[int], None] = lambda _: None,
    wait_seconds: float = 60,
) -> int:
    """Send ballots (key, value), each to its voter's partition; return how many were acknowledged.

    Raises TransientError, with that number, when the broker stays away for `wait_seconds`.
    """
    told = "{:,} ballots were cast. Casting again goes on from there; nothing is counted twice."
    return send_all(kafka, topic, partition_count, ballots, told, report, wait_seconds)


def send_all(
    kafka: KafkaCluster,
    topic: str,
    partition_count: int | None,
    messages: Iterable[tuple[bytes, bytes]],
    told: str,
    report: Callable[[int], None] = lambda _: None,
    wait_seconds: float = 60,
) -> int:
    """Send messages (key, value), each to its key's partition, of so many or of those that the topic has.

    Returns how many were acknowledged. Raises what `send_records` raises.
    """
    records = (
        Record(key, value, partition_of(key, partition_count) if partition_count else None) for key, value in messages
    )
    return send_records(kafka, topic, records, told, report, wait_seconds)


def send_records(
    kafka: KafkaCluster,
    topic: str,
    records: Iterable[Record],
    told: str,
    report: Callable[[int], None] = lambda _: None,
    wait_seconds: float = 60,
    request_bytes: int = _REQUEST_BYTES,
) -> int:
    """Send messages, those of a partition in their order; return how many were acknowledged.

    None may be larger than `request_bytes`. Raises PermanentError where the broker refuses, and TransientError when it
    stays away for `wait_seconds`; the sentence of that ends with `told`, in which that number is put.
    """
    sender = producer(kafka, wait_seconds, request_bytes)
    waiting: deque[Any] = deque()
    acknowledged = 0
    try:
        with refusals(kafka):
            for key, value, partition, timestamp_ms in records:
                sent = _NULL if value is None else value
                waiting.append(sender.send(topic, key=key, value=sent, partition=partition, timestamp_ms=timestamp_ms))
                if len(waiting) >= _UNACKNOWLEDGED or waiting[0].is_done:
                    acknowledged += _settle(waiting, wait_seconds, at_most=_REPORT_EVERY)
                    report(acknowledged)
            sender.flush(timeout=wait_seconds)
            while waiting:
                acknowledged += _settle(waiting, wait_seconds, at_most=_REPORT_EVERY)
                report(acknowledged)
    except KafkaError as error:
        acknowledged += sum(one.succeeded() for one in waiting)
        raise TransientError(
            f"Kafka at {kafka} was away for more than {wait_seconds:g} s ({type(error).__name__}): "
            f"{told.format(acknowledged)}"
        ) from error
    finally:
        _close(sender, 0 if waiting else 5)
    return acknowledged


def _close(sender: KafkaProducer, timeout: float) -> None:
    """Close a producer; what it could not send is told of already, by the future of each message."""
    try:
        sender.close(timeout=timeout)
    except KafkaTimeoutError:
        # It gives up before it ends its thread, which would go on, and be waited for by the garbage collector.
        sender._sender.force_close()
        with suppress(KafkaTimeoutError):
            sender.close(timeout=2)


def _settle(waiting: deque[Any], wait_seconds: float, at_most: int) -> int:
    """Take the oldest sends off the queue, waiting for their acknowledgement."""
    number = min(len(waiting), at_most)
    for _ in range(number):
        waiting[0].get(timeout=wait_seconds)
        waiting.popleft()
    return number
