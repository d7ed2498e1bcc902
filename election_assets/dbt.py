"""dbt as this package runs it: the project's place, its environment, one build."""

import os
import subprocess
import sys
from collections.abc import Mapping

from election_assets.errors import PermanentError
from election_assets.settings import PROJECT, Settings

DBT_PROJECT = PROJECT / "dbt_project"


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
    """Run `dbt build`; return its last line. Raises PermanentError with what dbt printed where it fails."""
    command = [
        sys.executable,
        "-c",
        "from dbt.cli.main import cli; cli()",
        "build",
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
        "--no-use-colors",
    ]
    done = subprocess.run(
        command, env={**environ, **dbt_environment(settings)}, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        tail = "\n".join(lines[-20:] + done.stderr.splitlines()[-5:])
        raise PermanentError(f"`dbt build` failed with exit code {done.returncode}; it said last:\n{tail}")
    return lines[-1].split("  ", 1)[-1] if lines else ""
