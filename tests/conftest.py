"""Fixtures of all tests: real engines in a home of their own, one per session, and elections on them."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from election_assets.counting import count_settings, session_for
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from spark.figures import CountFigures
from spark.stream import count


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let an outage be longer, and faults be more and others, than the suite has time for."""
    parser.addoption("--outage-seconds", type=float, default=20.0, help="how long test_live leaves an engine away")
    parser.addoption("--faults", type=int, default=300, help="how many faults `make faults` lets happen")
    parser.addoption("--seed", type=int, default=random.randrange(10_000), help="which faults these are, and when")


@pytest.fixture(scope="session")
def engines_home() -> Iterator[Path]:
    """A started home in a temporary folder, with the schema in place; stopped and removed afterwards."""
    # Not pytest's tmp_path: as root, Postgres runs as another user, who must be able to reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="election-test-"))
    folder.chmod(0o755)
    home = Home(folder)
    stack.up(home)
    try:
        install_schema(Settings.from_environment({"ELECTION_HOME": str(folder)}).conninfo("owner"))
        yield folder
    finally:
        stack.down(home)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(engines_home: Path) -> Settings:
    """The settings of the session's home; Spark on two cores."""
    return Settings.from_environment({"ELECTION_HOME": str(engines_home), "ELECTION_SPARK_MASTER": "local[2]"})


@pytest.fixture(scope="session")
def environment(engines_home: Path) -> dict[str, str]:
    """The environment of a command on the session's home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELECTION_")}
    return {**kept, "ELECTION_HOME": str(engines_home), "ELECTION_SPARK_MASTER": "local[2]"}


@pytest.fixture(scope="session")
def spark_session(settings: Settings) -> Iterator[SparkSession]:
    """One Spark for all tests of the session."""

    session = session_for(settings)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def count_now(settings: Settings, spark_session: SparkSession) -> Callable[..., CountFigures]:
    """Count an election until all is judged, in the session's Spark; keywords are fields of CountSettings."""

    def counted(election_id: str, **changes: float) -> CountFigures:
        run = count_settings(settings, election_id, **{"idle_seconds": 0.2, **changes})
        return count(spark_session, run)

    return counted
