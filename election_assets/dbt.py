"""dbt as this package runs it: the project's place, its environment, its manifest, one build."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from election_assets.errors import PermanentError
from election_assets.settings import PROJECT, Settings

DBT_PROJECT = PROJECT / "dbt_project"
# Models, seeds and the tests on their data. No ballot can change what a unit test says, and all of them take longer
# than the rest: they are for `dbt build` and `dbt test` as people run them, and for `make test`.
BUILD = ("build", "--exclude-resource-type", "unit_test")


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of a dbt process: where the warehouse is, and a target folder of the home's own."""
    return {
        "ELECTION_POSTGRES_HOST": settings.postgres_host,
        "ELECTION_POSTGRES_PORT": str(settings.postgres_port),
        "ELECTION_POSTGRES_DATABASE": settings.postgres_database,
        "ELECTION_POSTGRES_PASSWORD_BUILDER": settings.passwords["builder"],
        "DBT_TARGET_PATH": str(settings.home / "dbt" / "target"),
        "DBT_LOG_PATH": str(settings.home / "dbt" / "logs"),
    }


def build_marts(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Build and test the models; return dbt's last line. Raises PermanentError with what dbt printed where it fails."""
    lines = run_dbt(BUILD, {**environ, **dbt_environment(settings)})
    return lines[-1].split("  ", 1)[-1] if lines else ""


def write_docs(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Write dbt's documentation of the project as one HTML file, and return where it is."""
    run_dbt(["docs", "generate", "--static"], {**environ, **dbt_environment(settings)})
    return docs_file(settings.home)


def check_freshness(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Run `dbt source freshness`; return its last words. Raises PermanentError where a source is stale or away."""
    lines = run_dbt(["source", "freshness"], {**environ, **dbt_environment(settings)})
    return next(line.split("  ", 1)[-1] for line in lines if "freshness of" in line and "START" not in line)


def docs_file(home: Path) -> Path:
    """Return where `write_docs` writes the documentation of a home."""
    return home / "dbt" / "target" / "static_index.html"


def current_manifest(home: Path, environ: Mapping[str, str]) -> Path:
    """Return dbt's manifest of the project, parsed anew where a file of the project changed; no database is needed."""
    folder = home / "dbt" / "manifest"
    manifest = folder / "manifest.json"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    # A webserver, a daemon and a run may load the project at once.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not manifest.exists() or manifest.stat().st_mtime < _last_change():
            run_dbt(["parse"], {**environ, "DBT_TARGET_PATH": str(folder), "DBT_LOG_PATH": str(folder)})
    return manifest


def _last_change() -> float:
    """Return when the project last changed; a folder's time tells of files that are gone."""
    return max(path.stat().st_mtime for path in (DBT_PROJECT, *DBT_PROJECT.rglob("*")))


def run_dbt(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Run dbt on the project; return the lines it printed, or raise PermanentError with the last of them."""
    command = [
        sys.executable,
        "-c",
        "from dbt.cli.main import cli; cli()",
        *arguments,
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
        "--no-use-colors",
    ]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        tail = "\n".join(lines[-20:] + done.stderr.splitlines()[-5:])
        raise PermanentError(f"`dbt {arguments[0]}` failed with exit code {done.returncode}; it said last:\n{tail}")
    return lines
