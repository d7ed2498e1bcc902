"""The Dagster instance of a home: its folder, its storage in Postgres, its partitions."""

import fcntl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from election_assets.environment import variables
from election_assets.errors import PermanentError
from election_assets.settings import PROJECT, Settings

PARTITIONS = "elections"

_STORAGE = """
storage:
  postgres:
    postgres_db:
      hostname:
        env: ELECTION_POSTGRES_HOST
      port:
        env: ELECTION_POSTGRES_PORT
      username: dagster
      password:
        env: ELECTION_POSTGRES_PASSWORD_DAGSTER
      db_name: dagster
"""


def write_instance(home: Path) -> None:
    """Write the home's `dagster.yaml`: what every instance has in common, and storage in the home's Postgres."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    common = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    (folder / "dagster.yaml").write_text(common + _STORAGE, encoding="utf-8")


def instance_variables(settings: Settings) -> Mapping[str, str]:
    """Return the variables that a Dagster process over this home needs."""
    return {
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "ELECTION_HOME": str(settings.home),
        "ELECTION_POSTGRES_HOST": settings.postgres_host,
        "ELECTION_POSTGRES_PORT": str(settings.postgres_port),
        "ELECTION_POSTGRES_PASSWORD_DAGSTER": settings.passwords["dagster"],
    }


def add_partitions(settings: Settings, election_ids: Collection[str]) -> None:
    """Make a partition for each of these elections that has none, in the home's instance."""
    with opened_instance(settings) as instance:
        instance.add_dynamic_partitions(PARTITIONS, sorted(election_ids))


def fail_left_runs(settings: Settings) -> int:
    """Mark the runs that ended with their processes as failed, since nothing else would; return how many.

    For a moment at which no process of this instance runs.
    """
    left = dg.RunsFilter(statuses=[dg.DagsterRunStatus(name) for name in ("STARTING", "STARTED", "CANCELING")])
    with opened_instance(settings) as instance:
        runs = [record.dagster_run for record in instance.get_run_records(left)]
        for run in runs:
            instance.report_run_failed(
                run, "Dagster was stopped during this run. Run it again: nothing is cast or counted twice."
            )
    return len(runs)


def end_runs(settings: Settings, seconds: float) -> None:
    """Ask the runs that are under way to end, as a person does in the UI, and wait for them at most so long."""
    under_way = dg.RunsFilter(statuses=[dg.DagsterRunStatus(name) for name in ("STARTING", "STARTED", "CANCELING")])
    deadline = time.monotonic() + seconds
    with opened_instance(settings) as instance:
        for record in instance.get_run_records(under_way):
            instance.run_launcher.terminate(record.dagster_run.run_id)
        while instance.get_run_records(under_way, limit=1) and time.monotonic() < deadline:
            time.sleep(0.5)


@contextmanager
def opened_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance of a home, whose dagster.yaml is written."""
    folder = str(settings.home / "dagster")
    with variables(instance_variables(settings)), dg.DagsterInstance.from_config(folder) as instance:
        yield instance


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home's instance; raise PermanentError where another command serves it."""
    with (home / "dagster" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermanentError(
                f"Another `election dev` serves {home}: use its addresses, stop it, or name another ELECTION_HOME."
            ) from error
        yield
