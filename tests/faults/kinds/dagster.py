"""What can happen to Dagster's part of a count."""

from tests.faults.history import History


def dagster_run_killed(made: History) -> None:
    """The process of Dagster's run dies; its JVM and workers are left to notice it."""
    run = made.jvm().parent()
    assert run is not None
    made.left_behind += run.children(recursive=True)
    run.kill()


def daemon_killed(made: History) -> None:
    """Dagster's daemon dies, and with it whoever would start a count."""
    (daemon,) = (one for one in made.count.family() if "dagster._daemon" in one.cmdline())
    daemon.kill()
