"""What docker-compose.yml and the Dockerfile promise: valid, pinned, without rights, secrets or ports beyond need.

That the services find each other and count is in tests/integration/test_containers.py.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from engines.compose import SHARES
from engines.endpoints import Endpoints
from engines.home import Home
from engines.kafka import Kafka
from engines.postgres import INITDB_OPTIONS

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("election")}
ONE_SHOTS = {"secrets", "setup"}
# All that is published, and to whom: whoever reaches ELECTION_HOST, or this machine alone.
PUBLISHED = {
    "kafka-1": "${ELECTION_HOST:-127.0.0.1}:9092:9092",
    "kafka-2": "${ELECTION_HOST:-127.0.0.1}:9093:9093",
    "kafka-3": "${ELECTION_HOST:-127.0.0.1}:9094:9094",
    "postgres": "${ELECTION_HOST:-127.0.0.1}:5432:5432",
    "rest": "${ELECTION_HOST:-127.0.0.1}:8082:8082",
    "streamlit": "${ELECTION_HOST:-127.0.0.1}:8501:8501",
    "dagster-webserver": "127.0.0.1:3000:3000",
}
# Whose passwords a service can read.
SECRETS = {
    "postgres": "postgres",
    "setup": "postgres",
    "dagster-code": "count",
    "dagster-webserver": "dagster",
    "dagster-daemon": "dagster",
    "streamlit": "page",
    **{f"spark-worker-{number}": "spark" for number in (1, 2, 3)},
}


def checked(tool: str, *arguments: str) -> None:
    """Run a checker of the environment, offline; fail with what it says."""
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def mounts(service: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return source, target and whether it can be written to, of each volume."""
    parts = [line.split(":") for line in service.get("volumes", [])]
    return [(source, target, options != ["ro"]) for source, target, *options in parts]


def test_the_file_is_valid_by_the_specification() -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_the_dockerfile_passes_the_linter() -> None:
    checked("hadolint", "Dockerfile")


def test_images_are_official_and_pinned() -> None:
    named = {one["image"] for one in SERVICES.values()} | set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    kafka = tomllib.loads((PROJECT / "engines/jars/kafka/jgo.toml").read_text())["dependencies"]["coordinates"][0]
    assert {name.partition(":")[0] for name in named} == {
        "apache/kafka",
        "eclipse-temurin",
        "election-count",
        "ghcr.io/aiven-open/karapace",
        "postgres",
        "python",
    }
    assert all(re.search(r":\d+\.\d+", name) for name in named)
    assert f"election-count:{project}" in named
    assert f"apache/kafka:{kafka.rpartition(':')[2]}" in named


def test_what_the_project_runs_is_of_one_image() -> None:
    assert len({(one["image"], one["build"]) for one in OURS.values()}) == 1
    assert set(SERVICES) - set(OURS) == {"postgres", "kafka-1", "kafka-2", "kafka-3", "rest"}


def test_the_dockerfile_copies_and_calls_one_script() -> None:
    instructions = {line.split()[0] for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)}
    assert instructions == {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "CMD"}
    runs = re.findall(r"^RUN (\S+)", DOCKERFILE, re.MULTILINE)
    assert runs == ['["engines/install.sh",', "useradd"]
    assert (PROJECT / ".dockerignore").read_text().splitlines()[1] == "*"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_without_rights_and_within_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("root", "0")
    assert not {"privileged", "cap_add", "pid", "ipc", "devices", "env_file"} & set(service)
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert ("healthcheck" in service) is (name not in ONE_SHOTS)
    assert service["restart"] == ("no" if name in ONE_SHOTS else "unless-stopped")


@pytest.mark.parametrize("name", [*OURS, "postgres"])
def test_a_service_writes_to_its_volumes_alone(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


def test_nothing_is_published_beyond_the_list() -> None:
    assert {name: one["ports"][0] for name, one in SERVICES.items() if "ports" in one} == PUBLISHED
    assert all(len(one.get("ports", [])) <= 1 for one in SERVICES.values())
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        if name in PUBLISHED:
            assert "outside" in service["networks"]
    assert {name for name, one in SERVICES.items() if "outside" in one.get("networks", [])} - set(PUBLISHED) == {
        # People and alerts may be asked of, and sent to, services elsewhere.
        "setup",
        "dagster-code",
    }
    assert SERVICES["secrets"]["network_mode"] == "none"


def test_the_readme_names_what_is_published() -> None:
    text = (PROJECT / "docs" / "compose.md").read_text(encoding="utf-8")
    assert {port for line in PUBLISHED.values() if (port := line.rpartition(":")[2]) not in text} == set()


def test_volumes_are_named_ones_and_files_of_the_project_that_stay_as_they_are() -> None:
    named = set()
    for service in SERVICES.values():
        for source, _, is_writable in mounts(service):
            if source.startswith("."):
                assert not is_writable
                assert (PROJECT / source).is_file()
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"])


def test_a_service_reads_its_own_secrets_and_only_their_maker_writes_them() -> None:
    maker = {(f"secrets-{share}", f"/secrets/{share}", True) for share in SHARES}
    assert set(mounts(SERVICES["secrets"])) == maker
    for name, service in SERVICES.items():
        if name != "secrets":
            held = {one for one in mounts(service) if one[0].startswith("secrets")}
            assert held == ({(f"secrets-{SECRETS[name]}", "/run/election", False)} if name in SECRETS else set())


def test_no_variable_holds_a_password() -> None:
    for service in SERVICES.values():
        assert {name for name in service.get("environment", {}) if "PASSWORD" in name} <= {"POSTGRES_PASSWORD_FILE"}


def test_every_setting_is_one_of_the_examples() -> None:
    example = set(re.findall(r"^(ELECTION_\w+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    settings = {name for one in SERVICES.values() for name in one.get("environment", {}) if name.startswith("ELECTION")}
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert (settings | asked) <= example
    assert "$" not in re.sub(r"\$\{\w+:-[^}]*\}", "", TEXT)


def test_a_one_shot_is_waited_for() -> None:
    # `up --wait` takes the end of a container for a failure unless another waits for just that.
    waited = {
        name
        for service in SERVICES.values()
        for name, one in service.get("depends_on", {}).items()
        if one["condition"] == "service_completed_successfully"
    }
    assert waited == ONE_SHOTS


def test_postgres_is_made_as_the_engines_make_it() -> None:
    made = SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert set(made) == {option for option in INITDB_OPTIONS if not option.startswith("--username")}


def test_the_proxy_has_the_settings_that_casting_over_http_needs() -> None:
    text = (PROJECT / "docs" / "rest.md").read_text(encoding="utf-8")
    needed = dict(re.findall(r"(KARAPACE_\w+)=(\w+)", text))
    assert needed
    assert needed.items() <= SERVICES["rest"]["environment"].items()


def test_kafka_keeps_what_a_cluster_of_the_engines_keeps() -> None:
    ports = "ELECTION_KAFKA_BOOTSTRAP_SERVERS", "ELECTION_KAFKA_CONTROLLER_PORT"
    node = Kafka(Home(Path("/")), Endpoints(dict.fromkeys(ports, "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3")), 1, 3)
    lines = [line.split("=", 1) for line in node.configuration("data").splitlines() if re.match(r"[a-z]", line)]
    promised = {
        key: value
        for key, value in lines
        if "replica" in key or "isr" in key or key.endswith("enable") or key == "process.roles"
    }
    for number in (1, 2, 3):
        given = SERVICES[f"kafka-{number}"]["environment"]
        names = {key: given.get("KAFKA_" + key.upper().replace(".", "_")) for key in promised}
        assert names == promised
