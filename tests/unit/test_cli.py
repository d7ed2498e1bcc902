"""The command line without engines: help with examples, sentences, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from election_assets.cli import app
from election_assets.errors import PermanentError
from election_assets.steps import votes_allowed

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def run(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "election_assets", *arguments],
        env={"PATH": "/usr/bin:/bin", "ELECTION_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "import"])
def test_every_command_has_an_example_in_its_help(name: str) -> None:
    assert (COMMANDS[name].epilog or "").startswith(f"Example: election {name}")


def test_without_engines_a_command_says_in_one_sentence_what_comes_first(tmp_path: Path) -> None:
    done = run("results", "adams-2020", home=tmp_path)
    assert done.returncode == 2
    assert "`election up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_election_folder_is_a_sentence(tmp_path: Path) -> None:
    done = run("demo", "atlantis-1900", home=tmp_path)
    assert done.returncode == 2
    assert "atlantis-1900" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_of_an_empty_home_is_not_so_rather_than_an_error(tmp_path: Path) -> None:
    done = run("status", "--json", home=tmp_path)
    assert done.returncode == 1
    assert {engine["state"] for engine in json.loads(done.stdout)} == {"stopped"}


def test_a_generated_election_is_a_folder_that_can_be_read(tmp_path: Path) -> None:
    done = run("generate", "trial", "--voters", "2000", "--out", str(tmp_path / "trial"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "trial" / "election.yaml").exists()


def test_a_generated_elections_candidates_are_people_of_the_file_that_a_setting_names(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    generate = ("generate", "trial", "--voters", "20", "--contests", "1", "--out", str(tmp_path / "trial"))
    people = {"ELECTION_PEOPLE": "file", "ELECTION_PEOPLE_FILE": str(file)}
    done = run(*generate, home=tmp_path, **people)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    file.write_text("full_name\n" + "".join(f"Zenobia {number}\n" for number in range(9)))
    done = run(*generate, home=tmp_path, **people)
    assert done.returncode == 0, done.stderr
    assert "Zenobia 2" in (tmp_path / "trial" / "election.yaml").read_text()


def test_office_and_number_are_read_from_votes_allowed() -> None:
    assert votes_allowed(["State House=2", "Council = at large=3"]) == {"State House": 2, "Council = at large": 3}


@pytest.mark.parametrize("text", ["State House", "=2", "State House=0", "State House=two"])
def test_votes_allowed_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="OFFICE=N"):
        votes_allowed([text])
