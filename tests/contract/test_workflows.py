"""What the workflows promise: valid by schema and linter, pinned, allowed no more than needed, bound to the project.

That nothing goes from an event into a command, and that there are groups and cooldowns, is the linter's part.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
GITHUB = PROJECT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
TEXTS = {path: path.read_text(encoding="utf-8") for path in [*WORKFLOWS, *ACTIONS]}
DOCUMENTS = {path: yaml.safe_load(text) for path, text in TEXTS.items()}

# All that may be written, and by which job.
WRITING = {
    ("release.yml", "distributions"): {"id-token", "attestations"},
    ("release.yml", "image"): {"packages"},
    ("release.yml", "release"): {"contents"},
}

Job = dict[str, Any]


def jobs() -> Iterator[tuple[Path, str, Job]]:
    """Yield every job with the workflow and the name it has there."""
    for path in WORKFLOWS:
        for name, job in DOCUMENTS[path]["jobs"].items():
            yield path, name, job


def steps() -> list[dict[str, Any]]:
    """Return every step of workflows and actions."""
    of_jobs = [step for _, _, job in jobs() for step in job.get("steps", [])]
    return of_jobs + [step for path in ACTIONS for step in DOCUMENTS[path]["runs"]["steps"]]


def commands() -> str:
    """Return all that is run, a line each."""
    return "\n".join(step["run"] for step in steps() if "run" in step)


def tool(name: str, *arguments: str | Path) -> None:
    """Run a checker of the environment, offline; fail with what it says."""
    command = [str(Path(sys.executable).with_name(name)), *map(str, arguments)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", ACTIONS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_every_file_is_valid_by_its_published_schema(schema: str, paths: list[Path]) -> None:
    assert paths
    tool("check-jsonschema", "--builtin-schema", schema, *paths)


def test_the_linter_of_workflows_finds_nothing() -> None:
    tool("zizmor", "--offline", "--no-progress", "--persona=pedantic", "--strict-collection", GITHUB)


def test_every_action_is_githubs_own_and_pinned_to_one_commit_with_its_version() -> None:
    used = {one for text in TEXTS.values() for one in re.findall(r"uses: (.+)", text) if not one.startswith("./")}
    pins = [re.fullmatch(r"(actions/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in sorted(used)]
    assert None not in pins, used
    names = [pin[1] for pin in pins if pin]
    assert len(names) == len(set(names)), used


def test_a_workflow_may_read_and_only_the_release_writes_what_it_makes() -> None:
    for path in WORKFLOWS:
        assert DOCUMENTS[path]["permissions"] in ({}, {"contents": "read"}), path.name
    granted = {
        (path.name, name): {what for what, access in job.get("permissions", {}).items() if access != "read"}
        for path, name, job in jobs()
    }
    assert {place: written for place, written in granted.items() if written} == WRITING


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert [step for step in checkouts if step.get("with", {}).get("persist-credentials") is not False] == []


def test_every_job_has_an_end_and_a_system_that_does_not_move() -> None:
    for path, name, job in jobs():
        if "uses" not in job:
            assert job["timeout-minutes"] <= 150, (path.name, name)
            assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"]), (path.name, name)


def test_no_workflow_waits_for_the_group_of_one_that_it_calls() -> None:
    groups = [DOCUMENTS[path]["concurrency"]["group"] for path in WORKFLOWS]
    assert len(groups) == len(set(groups))
    assert "github.workflow" not in " ".join(groups)


def test_every_make_target_that_is_called_exists() -> None:
    called = set(re.findall(r"\bmake ([a-z-]+)", commands()))
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert called
    assert called <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_every_service_of_docker_compose_that_is_used_exists() -> None:
    used = set(re.findall(r"docker compose exec -T (\S+)", commands()))
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert used
    assert used <= set(services)


def test_every_file_of_the_project_that_is_named_exists() -> None:
    named = set(re.findall(r"(?:tests/|\.ci/)[\w/.]+\w", commands()))
    (key,) = re.findall(r"hashFiles\((.+)\)", "".join(TEXTS.values()))
    named |= set(re.findall(r"'(.+?)'", key))
    assert {".ci/release_notes.py", "requirements.txt", "engines/jars/*/jgo.lock.toml"} <= named
    assert [one for one in sorted(named) if not list(PROJECT.glob(one))] == []


def test_a_release_is_built_from_no_cache_and_only_after_ci() -> None:
    (release,) = [path for path in WORKFLOWS if path.name == "release.yml"]
    assert "actions/cache@" not in TEXTS[release]
    assert "./.github/actions/setup" not in TEXTS[release]
    waits_for = {name: job.get("needs", []) for name, job in DOCUMENTS[release]["jobs"].items()}
    assert waits_for == {"ci": [], "distributions": "ci", "image": "ci", "release": ["distributions", "image"]}
