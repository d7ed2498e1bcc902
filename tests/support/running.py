"""Counts in the background and processes to be killed while they count."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from pyspark.sql import SparkSession

from election_assets import counting
from election_assets.counting import count_settings
from election_assets.errors import ElectionError
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from spark.figures import CountFigures
from tests.support.ledger import owner, positions_of

# A count of its own Spark in small micro-batches, as `election count` runs one in large ones.
_PROGRAM = """
import json, os, sys
from election_assets.counting import count_settings, session_for
from election_assets.settings import Settings
from spark.stream import count
settings = Settings.from_environment(os.environ)
run = count_settings(settings, sys.argv[1], **json.loads(sys.argv[2]))
count(session_for(settings), run)
"""


class BackgroundCount(counting.BackgroundCount):
    """A count in a thread of the test: its figures or its error, once it has ended."""

    def __init__(self, session: SparkSession, settings: Settings, election_id: str, **changes: float) -> None:
        super().__init__(session, count_settings(settings, election_id, **{"idle_seconds": 0.2, **changes}))

    def ended(self, seconds: float = 90) -> CountFigures | ElectionError:
        """Wait for the end; return the figures, or the error in its place."""
        if not self.has_ended(seconds):
            raise AssertionError("The count neither ended nor failed with a sentence.")
        try:
            return self.figures()
        except ElectionError as error:
            return error

    def stopped(self) -> CountFigures | ElectionError:
        """Ask for the end at the next batch boundary, and wait for it."""
        self.stop()
        return self.ended()


@contextmanager
def counting_process(
    environment: Mapping[str, str], election_id: str, limit: int, **changes: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Count in a process of its own, `limit` messages a micro-batch; it and its children are gone afterwards."""
    run = {"max_offsets_per_trigger": limit, "idle_seconds": 0.2, **changes}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, election_id, json.dumps(run)],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    family = [psutil.Process(process.pid)]
    try:
        yield process
        family += children_of(process.pid)
    finally:
        for one in [*children_of(process.pid), *family]:
            if one.is_running():
                one.kill()
        process.communicate()


def children_of(pid: int) -> list[psutil.Process]:
    """Return the processes below this one; none where it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def jvm_of(pid: int) -> psutil.Process:
    """Return the Spark JVM that a process started."""
    return next(one for one in children_of(pid) if "java" in one.name())


def python_workers_of(jvm: psutil.Process) -> list[psutil.Process]:
    """Return the Python workers of a Spark JVM, without the daemon that forks them."""
    return [worker for daemon in jvm.children() for worker in daemon.children()]


def await_position(
    settings: Settings,
    election_id: str,
    at_least: int,
    seconds: float = 90,
    process: subprocess.Popen[bytes] | None = None,
) -> int:
    """Wait until the ledger stands at this position or beyond; return where it stands. Fails where `process` ends."""
    deadline = time.monotonic() + seconds
    while (position := positions_of(settings, election_id)["next_offset"]) < at_least:
        if process and process.poll() is not None:
            raise AssertionError(f"The count ended at {position}: {process.communicate()[1].decode()[-2000:]}")
        if time.monotonic() > deadline:
            raise AssertionError(f"The ledger of {election_id} stands at {position}, not at {at_least}.")
        time.sleep(0.01)
    return position


def kill_engine(home: Path, name: str) -> None:
    """Kill an engine of the home with SIGKILL, and see it gone."""
    (found,) = (one for one in stack.status(Home(home)) if one.name == name)
    process = psutil.Process(found.pid)
    process.kill()
    process.wait(10)


def aged_heartbeat(settings: Settings, election_id: str) -> None:
    """Let a minute pass for the heartbeats of an election, so that nobody waits for those of the dead."""
    with owner(settings) as connection:
        connection.execute(
            "update ledger.count_runs set heartbeat_at = heartbeat_at - interval '1 min' where election_number ="
            " (select election_number from registry.elections where election_id = %s)",
            (election_id,),
        )
