"""Imports point one way: domain ← spark ← election_assets; dashboard and engines stand alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CLIENTS = {"dagster", "dagster_dbt", "dagster_pyspark", "kafka", "confluent_kafka", "pyspark", "psycopg", "streamlit"}
OURS = {"audit", "election_assets", "spark", "dashboard", "engines", "benchmarks", "tests"}

# What says how it went, and where it went.
SHARED = {"election_assets.errors", "election_assets.kafka_cluster"}

FORBIDDEN = {
    "election_assets/domain": CLIENTS | (OURS - {"election_assets"}),
    "spark": {"dagster", "dagster_dbt", "dagster_pyspark", "streamlit"} | (OURS - {"election_assets", "spark"}),
    "dashboard": OURS - {"dashboard"},
    "engines": OURS - {"engines"},
    # The recount shares no code with the count: not even the rules.
    "audit": CLIENTS - {"kafka", "psycopg"} | (OURS - {"audit", "election_assets"}),
    "election_assets": {"benchmarks", "tests", "dashboard"},
}


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    found = {
        f"{file.relative_to(PROJECT)} imports {module}"
        for file in (PROJECT / package).rglob("*.py")
        for module in imported_modules(file)
        if module.split(".")[0] in FORBIDDEN[package]
    }
    assert not found


def test_spark_takes_only_the_pure_parts_of_election_assets() -> None:
    found = {
        module
        for file in (PROJECT / "spark").rglob("*.py")
        for module in imported_modules(file)
        if module.startswith("election_assets")
        and not module.startswith("election_assets.domain.")
        and module not in SHARED
    }
    assert not found


def test_the_recount_takes_nothing_of_the_count_but_its_errors_and_where_kafka_is() -> None:
    found = {
        module
        for file in (PROJECT / "audit").rglob("*.py")
        for module in imported_modules(file)
        if module.startswith("election_assets")
    }
    assert found == SHARED


def test_each_process_has_one_reader_of_its_settings() -> None:
    reading = re.compile(r"""(environ|getenv)\S*\("ELECTION_|environ\["ELECTION_""")
    readers = {
        str(file.relative_to(PROJECT))
        for package in ("election_assets", "spark", "dashboard", "engines")
        for file in (PROJECT / package).rglob("*.py")
        if reading.search(file.read_text(encoding="utf-8"))
    }
    assert readers <= {"election_assets/settings.py", "dashboard/connection.py", "engines/home.py", "engines/jars.py"}
