"""What can happen to the clock of the broker, of Postgres, or of the count's JVM."""

from tests.faults.clocks import Clock
from tests.faults.history import History

# The polls opened three hours ago, or up to four; they close in two hours, or up to three.
WITHIN_HOURS, BEYOND_HOURS = 3_600, 18_000


def broker_clock_jumps(made: History) -> None:
    """The broker's clock jumps, by which the polls open and close."""
    jump(made, made.place.clocks.broker)


def postgres_clock_jumps(made: History) -> None:
    """Postgres's clock jumps, by which a run is alive or dead."""
    jump(made, made.place.clocks.postgres)


def jvm_clock_jumps(made: History) -> None:
    """The clock of the count's JVM jumps, by which Spark and its Kafka clients wait."""
    jump(made, made.place.clocks.jvm)


def jump(made: History, clock: Clock) -> None:
    """Put a clock forward or back; after a while it is put right, or stays as it is where polls are still open."""
    size = made.randomly.choice((WITHIN_HOURS, BEYOND_HOURS))
    clock.set(made.randomly.choice((-size, size)))
    made.pause(10)
    if size == BEYOND_HOURS or made.randomly.random() < 0.5:
        clock.set(0)
