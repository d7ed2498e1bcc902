"""What can happen on the way between the count and Postgres, and between Kafka and all its clients."""

import time

from tests.faults.history import PATIENCE, History
from tests.faults.proxy import Proxy


def postgres_wire_slow(made: History) -> None:
    """Each word between the count and Postgres takes long."""
    slow(made, made.place.postgres_wire)


def postgres_wire_cut(made: History) -> None:
    """The wire between the count and Postgres is cut, a few times."""
    cut(made, made.place.postgres_wire)


def commit_unanswered(made: History) -> None:
    """Postgres commits, and nobody hears of it."""
    unanswered(made.place.postgres_wire)


def broker_wire_slow(made: History) -> None:
    """Each word between Kafka and the count and the producer takes long."""
    slow(made, made.place.broker_wire)


def broker_wire_cut(made: History) -> None:
    """The wire between Kafka and the count and the producer is cut, a few times."""
    cut(made, made.place.broker_wire)


def acknowledgement_unanswered(made: History) -> None:
    """Kafka has the messages, and their sender does not hear of it."""
    unanswered(made.place.broker_wire)


def slow(made: History, wire: Proxy) -> None:
    """Let words take long for a while."""
    wire.delay_seconds = made.randomly.uniform(0.05, 0.3)
    made.pause(8)
    wire.delay_seconds = 0.0


def cut(made: History, wire: Proxy) -> None:
    """Cut a wire, a few times."""
    for _ in range(made.randomly.randint(1, 4)):
        wire.cut()
        made.pause(2)


def unanswered(wire: Proxy) -> None:
    """Wait until the answer to a request has been swallowed."""
    before = wire.swallowed
    wire.swallow_next_answer()
    deadline = time.monotonic() + PATIENCE
    while wire.swallowed == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
