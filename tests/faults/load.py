"""The load of a history: messages of a mixture, sent at a rate until SIGTERM, each acknowledgement written down.

`python -m tests.faults.load ELECTION SEED RATE ACKNOWLEDGED`. Who starts it again with the same file sends once more
what may have been under way, as a client does that heard no answer. A mixture that ends begins anew: resends only.
"""

import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Acknowledgement

from election_assets.domain.election import Election
from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from tests.support.ballots import Message
from tests.support.elections import made_election
from tests.support.mixture import mixture

PARTITIONS = 3
# Sent again after a kill: more than can be under way.
RESENT = 50


def election_of(election_id: str, closes_at: datetime | None = None) -> Election:
    """Return the election of a history; its polls are open for six hours where it is said until when."""
    opens_at = closes_at - timedelta(hours=6) if closes_at else None
    hours = {"opens_at": opens_at, "closes_at": closes_at}
    return made_election(election_id, voters_each=700, partition_count=PARTITIONS, **hours)


def messages_of(election: Election, seed: int) -> list[Message]:
    """Return what is cast in it: ballots, resends, second ballots and messages that are none, in their order."""
    return [one.message for one in mixture(election, seed)]


def send(settings: Settings, election: Election, seed: int, rate: float, acknowledged: Path) -> None:
    """Send from where the file of acknowledgements (`number partition offset` in each line) ends."""
    messages = messages_of(election, seed)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    producer = Producer(
        {
            "bootstrap.servers": str(settings.kafka),
            "enable.idempotence": True,
            "linger.ms": 5,
            "reconnect.backoff.max.ms": 500,
            "message.timeout.ms": 300_000,
        }
    )
    topic = votes_topic_of(election.election_id, settings.votes_topic)
    with acknowledged.open("ab", buffering=0) as file:

        def settled(number: int, error: KafkaError | None, message: Acknowledgement) -> None:
            if error is None:
                os.write(file.fileno(), f"{number} {message.partition()} {message.offset()}\n".encode())

        number = max(0, len(acknowledged.read_bytes().splitlines()) - RESENT)
        first, started = number, time.monotonic()
        while not stopped.wait(max(0.0, started + (number - first) / rate - time.monotonic())):
            message = messages[number % len(messages)]
            producer.produce(topic, message.value, message.key, message.partition, partial(settled, number))
            producer.poll(0)
            number += 1
        producer.flush(120)


if __name__ == "__main__":
    send(
        Settings.from_environment(os.environ),
        election_of(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[3]),
        Path(sys.argv[4]),
    )
