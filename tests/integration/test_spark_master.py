"""The count on a Spark master of its own: the same ledger, by nothing but a setting."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyspark
import pytest

from election_assets.counting import reset_election
from election_assets.settings import Settings
from engines.ports import free_port, is_taken
from spark.figures import CountFigures
from tests.support.elections import made_election
from tests.support.ledger import broken_rules, ledger_of
from tests.support.log import appended, opened
from tests.support.mixture import mixture

ELECTION = "on-a-master"
_SPARK = Path(pyspark.__file__).parent


@pytest.fixture
def master(tmp_path: Path) -> Iterator[str]:
    """A standalone master with one worker, each a process of its own; the master's address."""
    port = free_port(set())
    address = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    with ExitStack() as stack:
        stack.enter_context(daemon(f"{deploy}.master.Master", tmp_path, "--port", str(port), "--webui-port", "0"))
        await_listener(port)
        stack.enter_context(
            daemon(f"{deploy}.worker.Worker", tmp_path, "--cores", "2", "--memory", "1g", "--webui-port", "0", address)
        )
        yield address


def daemon(name: str, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of Spark's servers; leaving its context ends it."""
    command = [str(_SPARK / "bin" / "spark-class"), name, "--host", "127.0.0.1", *arguments]
    process = Ended(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process


class Ended(subprocess.Popen[bytes]):
    """A process that does not outlive its context."""

    def __exit__(self, *details: object) -> None:
        self.terminate()
        super().__exit__(*details)  # type: ignore[arg-type]


def await_listener(port: int) -> None:
    deadline = time.monotonic() + 60
    while not is_taken(port):
        assert time.monotonic() < deadline, "The master does not listen."
        time.sleep(0.1)


@pytest.mark.slow
def test_a_count_on_a_standalone_master_makes_the_same_ledger(
    settings: Settings, environment: Mapping[str, str], count_now: Callable[..., CountFigures], master: str
) -> None:
    election = made_election(ELECTION, voters_each=50)
    opened(settings, election)
    appended(settings, ELECTION, [cast.message for cast in mixture(election, seed=5)])
    count_now(ELECTION)
    local = ledger_of(settings, ELECTION)
    reset_election(settings, ELECTION)
    done = subprocess.run(
        [sys.executable, "-m", "election_assets", "count", ELECTION, "--until-idle"],
        env={**environment, "ELECTION_SPARK_MASTER": master},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ledger_of(settings, ELECTION) == local
    assert broken_rules(settings, ELECTION) == []
