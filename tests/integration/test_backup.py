"""Claims about backups, made with the commands of docs/operations.md: what is put back, and what is noticed."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from election_assets.counting import reset_election
from election_assets.errors import PermanentError
from election_assets.schema import install_schema
from election_assets.settings import PROJECT, Settings
from engines import stack
from engines.home import Home
from tests.support.elections import made_election
from tests.support.installations import counted_there
from tests.support.ledger import broken_rules, ledger_of, positions_of
from tests.support.log import appended, opened
from tests.support.mixture import mixture
from tests.support.running import kill_engine


@pytest.fixture
def home() -> Iterator[Path]:
    """Engines of its own, whose data may be destroyed."""
    folder = Path(tempfile.mkdtemp(prefix="election-backup-"))
    folder.chmod(0o755)
    try:
        stack.up(Home(folder))
        yield folder
    finally:
        stack.down(Home(folder))
        shutil.rmtree(folder, ignore_errors=True)


def commands(beginning: str) -> str:
    """Return the commands of the page that begin so."""
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(beginning))
    return str(found)


def run(script: str, home: Path, environment: dict[str, str]) -> None:
    """Run commands of the page on a home, with backups beside its data."""
    there = re.sub(r"(?<![\w/])backup\b", f"{home}/backup", script)
    there = there.replace(".election/", f"{home}/").replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    done = subprocess.run(
        ["bash", "-e", "-c", there],
        cwd=PROJECT,
        env={**environment, "ELECTION_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{there}\n{done.stdout}{done.stderr}"


@pytest.fixture
def settings_there(home: Path) -> Settings:
    """The settings of these engines, with the schema in place."""
    settings = Settings.from_environment({"ELECTION_HOME": str(home), "ELECTION_SPARK_MASTER": "local[2]"})
    install_schema(settings.conninfo("owner"))
    return settings


@pytest.mark.nightly
def test_a_database_restored_from_a_base_backup_catches_up_from_the_log(
    home: Path, settings_there: Settings, environment: dict[str, str], spark_session: SparkSession
) -> None:
    settings = settings_there
    election = made_election("backed-up", voters_each=200)
    opened(settings, election)
    messages = [cast.message for cast in mixture(election, seed=41)]
    half = len(messages) // 2
    appended(settings, "backed-up", messages[:half])
    counted_there(spark_session, settings, "backed-up")
    run(commands("set -a"), home, environment)
    appended(settings, "backed-up", messages[half:])
    counted_there(spark_session, settings, "backed-up")
    before = ledger_of(settings, "backed-up")

    kill_engine(home, "postgres")
    shutil.rmtree(home / "postgres" / "data")
    run(commands(".venv/bin/election down\nrm"), home, environment)
    assert positions_of(settings, "backed-up")["next_offset"] == half
    assert counted_there(spark_session, settings, "backed-up").messages == len(messages) - half
    assert ledger_of(settings, "backed-up") == before
    assert not broken_rules(settings, "backed-up")


@pytest.mark.nightly
def test_a_log_put_back_from_before_its_ledger_is_refused_until_what_is_left_is_judged(
    home: Path, settings_there: Settings, environment: dict[str, str], spark_session: SparkSession
) -> None:
    settings = settings_there
    election = made_election("log-lost")
    opened(settings, election)
    messages = [cast.message for cast in mixture(election, seed=42)]
    appended(settings, "log-lost", messages[:100])
    counted_there(spark_session, settings, "log-lost")
    kept = ledger_of(settings, "log-lost")
    (home / "backup").mkdir()
    run(commands(".venv/bin/election down\ncp"), home, environment)
    appended(settings, "log-lost", messages[100:])
    counted_there(spark_session, settings, "log-lost")

    stack.down(Home(home))
    shutil.rmtree(home / "kafka")
    shutil.copytree(home / "backup" / "kafka", home / "kafka")
    stack.up(Home(home))
    with pytest.raises(PermanentError, match="the log was cut"):
        counted_there(spark_session, settings, "log-lost")
    reset_election(settings, "log-lost")
    counted_there(spark_session, settings, "log-lost")
    assert ledger_of(settings, "log-lost") == kept
