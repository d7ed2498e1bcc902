"""What can happen to the processes of the count, and to the one that casts."""

import signal
from contextlib import suppress

import psutil

from tests.faults.harm import each, limit_files, stopped
from tests.faults.history import History


def load_killed(made: History) -> None:
    """The producer dies with messages under way, and what it heard no answer for is sent again."""
    made.load.kill()


def jvm_killed(made: History) -> None:
    """Spark's JVM dies under the count."""
    made.jvm().kill()


def driver_killed(made: History) -> None:
    """The count's own process dies; its JVM and workers are left to notice it."""
    made.left_behind += made.count.family()[1:]
    made.count.kill()


def worker_killed(made: History) -> None:
    """A Python worker dies in its task."""
    with suppress(psutil.NoSuchProcess):
        made.randomly.choice(made.python_workers()).kill()


def worker_stopped(made: History) -> None:
    """A Python worker stands still for a while, with its transaction open."""
    stopped([made.randomly.choice(made.python_workers())], made.randomly.uniform(1, 8))


def count_stopped_beside_its_successor(made: History) -> None:
    """The whole count stands still, another takes over, and then the first goes on: it may write no more."""
    made.jvm()
    zombie = made.count.family()
    each(zombie, psutil.Process.suspend)
    made.count.replaced()
    beyond = made.log_end()
    made.goes_on(beyond)
    zombie[0].send_signal(signal.SIGUSR1)
    each(zombie, psutil.Process.resume)
    made.left_behind += zombie


def checkpoint_without_disk(made: History) -> None:
    """The count's JVM may write no file, neither its checkpoint's."""
    jvm = made.jvm()
    limit_files([jvm], 0)
    made.pause(5)
    limit_files([jvm], "unlimited")
