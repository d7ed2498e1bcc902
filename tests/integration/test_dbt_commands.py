"""Claims about dbt as its users know it: its own commands, with the profile in the project and the environment."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from election_assets.dbt import DBT_PROJECT, dbt_environment
from election_assets.settings import Settings


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("target")


def dbt(settings: Settings, environment: dict[str, str], target: Path, *arguments: str) -> Counter[tuple[str, str]]:
    """Run dbt in its project's folder; return how many nodes of each kind came to which end."""
    paths = {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    done = subprocess.run(
        command,
        cwd=DBT_PROJECT,
        env={**environment, **dbt_environment(settings), **paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    results: list[dict[str, Any]] = json.loads((target / "run_results.json").read_text())["results"]
    # The only warning says that the history of a count lags, as it does of those that other tests left half-way.
    warned = {result["unique_id"] for result in results if result["status"] == "warn"}
    assert warned <= {"test.election.fct_results_history__reaches_what_is_counted"}
    return Counter((result["unique_id"].split(".")[0], result["status"]) for result in results)


def test_dbt_build_makes_and_tests_all_of_it(settings: Settings, environment: dict[str, str], target: Path) -> None:
    ends = dbt(settings, environment, target, "build")
    assert set(ends) - {("exposure", "no-op"), ("test", "warn")} == {
        ("model", "success"),
        ("seed", "success"),
        ("test", "pass"),
        ("unit_test", "pass"),
    }


@pytest.mark.slow
def test_the_documentation_is_one_file_that_describes_every_model(
    settings: Settings, environment: dict[str, str], target: Path
) -> None:
    dbt(settings, environment, target, "docs", "generate", "--static")
    page = (target / "static_index.html").read_text(encoding="utf-8")
    models = [path.stem for path in (DBT_PROJECT / "models").rglob("*.sql")]
    assert [model for model in models if f"model.election.{model}" not in page] == []
    catalog = json.loads((target / "catalog.json").read_text())
    assert {f"model.election.{model}" for model in models} == {one for one in catalog["nodes"] if "model." in one}


def test_sources_are_fresh_where_nothing_waits(settings: Settings, environment: dict[str, str], target: Path) -> None:
    dbt(settings, environment, target, "source", "freshness")
    (found,) = json.loads((target / "sources.json").read_text())["results"]
    assert (found["unique_id"], found["status"]) == ("source.election.ledger.positions", "pass")


@pytest.mark.slow
@pytest.mark.parametrize("selector", ["history", "live", "promises"])
def test_each_selector_selects_something_and_builds(
    selector: str, settings: Settings, environment: dict[str, str], target: Path
) -> None:
    ends = dbt(settings, environment, target, "build", "--selector", selector, "--exclude-resource-type", "unit_test")
    assert sum(ends.values()) > 3
    assert {status for _, status in ends} <= {"success", "pass", "warn", "no-op"}
