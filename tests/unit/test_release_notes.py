"""Claims about the notes of a release: they are that version's section of the changelog, whole and alone."""

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / ".ci" / "release_notes.py"
CHANGELOG = """# Changelog

## Unreleased

- Not yet.

## 1.2.0 – 2026-12-01

- Second: `## 1.0.0` in a line is no heading.

  ### In detail

## 1.2.0rc1 – 2026-11-20

## 1.0.0

- First.
"""

notes_of = runpy.run_path(str(SCRIPT))["notes_of"]


@pytest.mark.parametrize(
    ("version", "notes"),
    [
        ("1.2.0", "- Second: `## 1.0.0` in a line is no heading.\n\n  ### In detail\n"),
        ("1.0.0", "- First.\n"),
    ],
)
def test_the_notes_are_the_section_of_that_version_alone(version: str, notes: str) -> None:
    assert notes_of(f"v{version}", CHANGELOG, version) == notes


@pytest.mark.parametrize(
    ("tag", "version", "said"),
    [
        ("v1.2.0", "1.3.0", "The tag is v1.2.0, and pyproject.toml has version 1.3.0"),
        ("1.2.0", "1.2.0", "The tag is 1.2.0"),
        ("v1.2", "1.2", "no section «## 1.2»"),
        ("v1.2.0rc1", "1.2.0rc1", "nothing under «## 1.2.0rc1»"),
    ],
)
def test_what_does_not_agree_is_refused_with_its_remedy(tag: str, version: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        notes_of(tag, CHANGELOG, version)
    assert str(refused.value).endswith("tag anew.")


def test_the_command_ends_with_one_sentence_for_a_tag_of_another_version() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    ended = subprocess.run(
        [sys.executable, SCRIPT, f"v{version}.1"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"The tag is v{version}.1")
    assert ended.stderr.count("\n") == 1
