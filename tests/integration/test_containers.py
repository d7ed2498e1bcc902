"""Claims about docker-compose.yml, seen without Docker: its services run, each on a host of its own.

The hosts are network namespaces. ELECTION_HOST is the address of the one that stands for the machine with Docker,
so that the voters and viewers of a further host find what is published.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import DOCKER_HOST, ELSEWHERE, Containers, containers
from tests.support.hosts import lacking
from tests.support.images import PROJECT, built_image, postgres_with_tls

pytestmark = pytest.mark.nightly

# What may be connected to inside, by service: what a firewall between hosts has to let through.
LISTENING = {
    "postgres": {5432},
    **{f"kafka-{number}": {19092, 29092, 9091 + number} for number in (1, 2, 3)},
    "spark-master": {7077, 8080},
    **{f"spark-worker-{number}": {7078, 8081, 7140} for number in (1, 2, 3)},
    "dagster-code": {4000, 7100, 7120},
    "dagster-webserver": {3000},
    "dagster-daemon": set(),
    "streamlit": {8501},
}
_COUNT_SECONDS = 400


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's image, installed by its own script in a scratch folder."""
    if sentence := lacking():
        pytest.skip(sentence)
    return built_image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def stack(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """All services of the default profile, well, with their ports published."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing, from which the stand-in for the image of Postgres has its TLS.")
    postgres = postgres_with_tls(tmp_path_factory.mktemp("postgres"))
    with containers(image, postgres, tmp_path_factory.mktemp("services")) as made:
        made.up()
        ports = [(line, name) for name, one in made.services.items() for line in one.get("ports", [])]
        pairs = [
            place
            for line, name in ports
            for place in (line.rpartition(":")[0], f"{made.network.addresses[name]}:{line.rpartition(':')[2]}")
        ]
        script = str(PROJECT / "tests" / "support" / "forwarding.py")
        with subprocess.Popen(made.network.on(DOCKER_HOST, [sys.executable, script, *pairs])) as publishing:
            yield made
            publishing.kill()


@pytest.fixture(scope="module")
def elsewhere(stack: Containers) -> dict[str, str]:
    """What a user on another machine sets: addresses, the file with passwords, the certificate."""
    address = stack.network.addresses[DOCKER_HOST]
    return {
        "ELECTION_POSTGRES_HOST": address,
        "ELECTION_POSTGRES_PORT": "5432",
        "ELECTION_POSTGRES_DATABASE": "election",
        "ELECTION_KAFKA_BOOTSTRAP_SERVERS": f"{address}:9092",
        "ELECTION_ENV_FILE": str(stack.volume("secrets-count") / "engines.env"),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(stack.volume("secrets-page") / "root.crt"),
    }


def election(stack: Containers, elsewhere: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the count on the other machine."""
    return stack.run_on(ELSEWHERE, str(PROJECT / ".venv" / "bin" / "election"), *arguments, **elsewhere)


def fetched(stack: Containers, host: str, url: str) -> str:
    """Fetch a page from a host; the error where it cannot be."""
    ended = stack.run_on(host, "curl", "--silent", "--show-error", "--max-time", "10", url)
    return ended.stdout or ended.stderr


def test_the_image_has_its_commands_and_nothing_that_only_development_needs(image: Path) -> None:
    programs = {path.name for path in (image / ".venv" / "bin").iterdir()}
    assert {"election", "dagster", "dagster-webserver", "dagster-daemon", "streamlit", "spark-class"} <= programs
    assert not {"pytest", "mypy", "ruff", "sqlfluff", "playwright"} & programs
    assert {path.name for path in (image / ".jars").iterdir()} == {"kafka", "log4j-slf4j-impl", "spark"}


def test_setup_can_run_again(stack: Containers) -> None:
    again = stack.run("setup", *stack.services["setup"]["command"])
    assert again.returncode == 0, again.stderr
    assert "adams-2020 was registered before, with the same contents" in again.stderr
    assert "adams-2020 was open" in again.stderr


def test_voters_elsewhere_cast_and_the_daemon_has_the_workers_count(
    stack: Containers, elsewhere: dict[str, str]
) -> None:
    cast = election(stack, elsewhere, "cast", "adams-2020")
    assert cast.returncode == 0, cast.stderr
    assert "56,939 ballots cast" in cast.stderr
    deadline = time.monotonic() + _COUNT_SECONDS
    while "5,846 of 5,850 official cells" not in (seen := election(stack, elsewhere, "reconcile", "adams-2020")).stdout:
        said = seen.stdout[-2000:] + seen.stderr + stack.running["dagster-daemon"].said()
        assert time.monotonic() < deadline, said
        time.sleep(10)
    for number in (1, 2, 3):
        work = stack.volume(f"spark-worker-{number}") / "work"
        assert [path.name for path in work.glob("app-*/*/stderr")] == ["stderr"]


def test_hosts_can_be_connected_to_on_the_ports_that_are_named_alone(stack: Containers) -> None:
    with stack.started("dagster-code", "election", "count", "adams-2020"):
        deadline = time.monotonic() + _COUNT_SECONDS
        while (found := {name: stack.network.listening(name) for name in LISTENING}) != LISTENING:
            assert time.monotonic() < deadline, found
            time.sleep(1)
    text = (PROJECT / "docs" / "compose.md").read_text(encoding="utf-8")
    named = set(map(int, re.findall(r"\b\d{4,5}\b", text)))
    assert set().union(*LISTENING.values()) <= named


def test_the_page_is_for_all_and_dagster_for_the_machine_with_docker_alone(stack: Containers) -> None:
    address = stack.network.addresses[DOCKER_HOST]
    assert "<title>" in fetched(stack, ELSEWHERE, f"http://{address}:8501/")
    assert "dagster_webserver_version" in fetched(stack, DOCKER_HOST, "http://127.0.0.1:3000/server_info")
    assert "Failed to connect" in fetched(stack, ELSEWHERE, f"http://{address}:3000/server_info")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PGSSLMODE": "disable"}, "no pg_hba.conf entry"),
        ({"ELECTION_POSTGRES_PASSWORD_AUDITOR": "guessed"}, "password authentication failed"),
    ],
)
def test_postgres_wants_tls_and_a_password(
    stack: Containers, elsewhere: dict[str, str], changes: dict[str, str], sentence: str
) -> None:
    refused = election(stack, {**elsewhere, **changes}, "inspect", "adams-2020", "0:0")
    assert refused.returncode == 2
    assert sentence in refused.stdout + refused.stderr


def test_another_server_is_not_taken_for_postgres(stack: Containers, elsewhere: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=postgres -keyout {tmp_path}/key -out {other}"
    subprocess.run(make.split(), check=True, capture_output=True)
    refused = election(stack, {**elsewhere, "PGSSLROOTCERT": str(other)}, "inspect", "adams-2020", "0:0")
    assert "certificate verify failed" in refused.stdout + refused.stderr


def test_each_service_can_read_its_own_passwords_alone(stack: Containers) -> None:
    def roles(name: str) -> set[str]:
        text = stack.run(name, "cat", "/run/election/engines.env").stdout
        return set(re.findall(r"^ELECTION_POSTGRES_PASSWORD_(\w+)=.{32}$", text, re.MULTILINE))

    everyone = {"REGISTRAR", "COUNTER", "BUILDER", "READER", "AUDITOR", "DAGSTER"}
    assert roles("setup") == everyone | {"OWNER"}
    assert roles("dagster-code") == everyone
    assert roles("dagster-webserver") == roles("dagster-daemon") == {"DAGSTER"}
    assert roles("streamlit") == {"READER"}
    assert roles("spark-worker-1") == set()


@pytest.mark.parametrize("name", ["spark-master", "dagster-webserver", "streamlit", "postgres"])
def test_a_service_cannot_write_to_its_root(stack: Containers, name: str) -> None:
    refused = stack.run(name, "touch", "/opt/election/found", "/found")
    assert refused.stderr.count("Read-only file system") == 2
