"""Fixtures of tests without engines: the dbt project's manifest, and the models and marts in it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"

Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Parse the project as a newcomer would: no engine running, no setting made."""
    target = tmp_path_factory.mktemp("dbt")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ELECTION_")}
    parsed = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "parse", "--no-partial-parse"),
            *("--project-dir", PROJECT, "--profiles-dir", PROJECT),
            *("--warn-error-options", '{"error": "all"}'),
        ],
        env=environ | {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert parsed.returncode == 0, parsed.stdout
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> list[Node]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


@pytest.fixture(scope="session")
def marts(models: list[Node]) -> list[Node]:
    return [model for model in models if model["schema"] == "marts"]
