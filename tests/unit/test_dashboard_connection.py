"""Claims about how the dashboard finds its database, and what it says when it does not."""

import ast
import inspect
import re
import socket
from pathlib import Path

import pytest

import dashboard
from dashboard import queries
from dashboard.connection import ResultsUnavailableError, address_from

FOLDER = Path(dashboard.__file__).parent
SETTINGS = {
    "ELECTION_POSTGRES_HOST": "127.0.0.1",
    "ELECTION_POSTGRES_PORT": "5432",
    "ELECTION_POSTGRES_DATABASE": "election",
    "ELECTION_POSTGRES_PASSWORD_READER": "secret=with=signs",
}


def home_with(folder: Path, settings: dict[str, str]) -> Path:
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (folder / "engines.env").write_text("".join(["# made by the engines\n", *lines]), encoding="utf-8")
    return folder


def test_the_address_comes_from_the_engines_file_of_the_home(tmp_path: Path) -> None:
    address = address_from({"ELECTION_HOME": str(home_with(tmp_path, SETTINGS))})
    assert (address.host, address.port, address.database) == ("127.0.0.1", "5432", "election")
    assert address.password == "secret=with=signs"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    home = home_with(tmp_path, SETTINGS)
    address = address_from({"ELECTION_HOME": str(home), "ELECTION_POSTGRES_HOST": "results.example.org"})
    assert (address.host, address.port) == ("results.example.org", "5432")


def test_a_complete_environment_needs_no_file(tmp_path: Path) -> None:
    assert address_from({**SETTINGS, "ELECTION_HOME": str(tmp_path / "none")}).database == "election"


def test_every_missing_setting_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ResultsUnavailableError) as caught:
        address_from({"ELECTION_HOME": str(tmp_path), "ELECTION_POSTGRES_PORT": "5432"})
    assert all(name in str(caught.value) for name in SETTINGS if name != "ELECTION_POSTGRES_PORT")
    assert "election up" in str(caught.value)


def test_the_password_is_not_in_the_address_as_text() -> None:
    assert "secret" not in repr(address_from(SETTINGS))


def test_a_database_that_is_away_is_a_sentence_with_address_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        port = str(taken.getsockname()[1])
        for name, value in {**SETTINGS, "ELECTION_POSTGRES_PORT": port}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ResultsUnavailableError, match=f"127.0.0.1:{port} is away .connection refused.*election up"):
            queries.load("results")


def test_the_questions_name_only_marts() -> None:
    modules = [queries, *(value for value in vars(queries).values() if inspect.ismodule(value))]
    values = [value for module in modules for value in vars(module).values()]
    statements = [value for value in values if isinstance(value, str) and "from marts." in value]
    relations = {name for each in statements for name in re.findall(r"(?:from|join)\s+([a-z_]+\.[a-z_]+)", each)}
    assert len(statements) >= 18
    assert {name.partition(".")[0] for name in relations} == {"marts"}


def test_the_dashboard_imports_none_of_our_other_packages() -> None:
    nodes = [node for path in FOLDER.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in imported} & {"election_assets", "spark", "engines", "dagster"}


def test_only_the_connection_reads_the_environment() -> None:
    readers = {path.name for path in FOLDER.rglob("*.py") if "environ" in path.read_text(encoding="utf-8")}
    assert readers == {"connection.py"}


def test_no_page_builds_html_from_data() -> None:
    assert not [path for path in FOLDER.rglob("*.py") if "unsafe_allow_html" in path.read_text(encoding="utf-8")]
