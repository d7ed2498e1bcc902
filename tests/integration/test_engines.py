"""Claims about real engines in homes of their own: started once, found again, recovered, left clean."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from engines.endpoints import Endpoints, known_endpoints
from engines.errors import EnginesError
from engines.home import Home
from engines.ports import answers, free_port
from engines.processes import Process, record, recorded, started_at
from engines.roles import LOGIN_ROLES, OWNER
from engines.stack import down, status, up

PAIR = ("postgres", "kafka")

# `election up`, as a command of its own, without the rest of the project.
UP = (
    sys.executable,
    "-c",
    "import sys; from engines import home, stack; stack.up(home.home_from({'ELECTION_HOME': sys.argv[1]}))",
)


@pytest.fixture(scope="module")
def new_home() -> Iterator[Callable[[], Home]]:
    """Make homes that are stopped and removed at the end."""
    homes: list[Home] = []

    def make() -> Home:
        homes.append(Home(Path(tempfile.mkdtemp(prefix="election home, Zürich-"))))
        return homes[-1]

    yield make
    for home in homes:
        down(home)
        shutil.rmtree(home.path)


@pytest.fixture(scope="module")
def home(new_home: Callable[[], Home]) -> Home:
    """A home whose engines were started by a command that is gone."""
    made = new_home()
    # Returns only when nothing holds the pipes any more.
    subprocess.run([*UP, made.path], capture_output=True, timeout=120, check=True)
    return made


@pytest.fixture
def running(home: Home) -> Endpoints:
    """The engines of `home`, up again whatever the test before did to them."""
    return up(home)


def pids(home: Home) -> dict[str, int | None]:
    return {found.name: found.pid for found in status(home) if found.state == "running"}


def connected(
    endpoints: Endpoints, role: str = OWNER, dbname: str = "election", password: str | None = None
) -> psycopg.Connection:
    known = endpoints.password(role) if password is None else password
    address = f"host=127.0.0.1 port={endpoints.postgres_port} user={role} dbname={dbname}"
    return psycopg.connect(address, password=known, autocommit=True)


def value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def produced(endpoints: Endpoints, topic: str, count: int) -> None:
    with KafkaAdminClient(bootstrap_servers=endpoints.bootstrap_servers) as admin:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    with KafkaProducer(bootstrap_servers=endpoints.bootstrap_servers, acks="all") as producer:
        for _ in range(count):
            producer.send(topic, b"ballot").get(timeout=10)


def end_offset(endpoints: Endpoints, topic: str) -> int:
    with KafkaConsumer(bootstrap_servers=endpoints.bootstrap_servers) as consumer:
        partition = TopicPartition(topic, 0)
        return int(consumer.end_offsets([partition])[partition])


def test_engines_outlive_their_starter_and_up_again_changes_nothing(home: Home) -> None:
    before = pids(home)
    assert set(before) == set(PAIR)
    assert up(home) == known_endpoints(home)
    assert pids(home) == before


def test_every_role_logs_in_with_its_own_password_and_no_other(running: Endpoints) -> None:
    for role in (OWNER, *LOGIN_ROLES):
        with connected(running, role) as connection:
            assert value(connection, "select rolsuper from pg_roles where rolname = current_user") is (role == OWNER)
        for wrong in ("", running.password("reader" if role != "reader" else OWNER)):
            with pytest.raises(psycopg.OperationalError, match="password"):
                connected(running, role, password=wrong)


def test_postgres_keeps_checksums_and_loses_no_commit(running: Endpoints) -> None:
    expected = {"data_checksums": "on", "fsync": "on", "synchronous_commit": "on", "server_encoding": "UTF8"}
    with connected(running) as connection:
        assert {name: value(connection, f"show {name}") for name in expected} == expected


def test_dagster_has_a_database_of_its_own(running: Endpoints) -> None:
    with connected(running, "dagster", dbname="dagster") as connection:
        connection.execute("create table it_can (make int)")
        connection.execute("drop table it_can")


def test_nothing_listens_beyond_loopback(home: Home, running: Endpoints) -> None:
    # Only a server that listens on every address answers on another loopback address, too.
    for port in (running.postgres_port, running.kafka_port, running.controller_port):
        assert answers(port)
        with socket.socket() as client:
            client.settimeout(1)
            assert client.connect_ex(("127.0.0.2", port)) != 0
    assert not list(home.path.rglob(".s.PGSQL*"))


def test_no_password_is_in_a_process_argument_or_a_log(home: Home, running: Endpoints) -> None:
    secrets = [running.password(role) for role in (OWNER, *LOGIN_ROLES)]
    arguments = subprocess.run(["ps", "-axww", "-o", "command"], capture_output=True, text=True, check=True).stdout
    logs = "".join(log.read_text(errors="replace") for log in home.path.glob("*/*.*") if log.is_file())
    assert "PostgreSQL" in logs
    assert "Kafka" in logs
    assert not [secret for secret in secrets if secret in arguments or secret in logs]


def test_topics_are_never_made_by_themselves(running: Endpoints) -> None:
    with (
        KafkaProducer(bootstrap_servers=running.bootstrap_servers, max_block_ms=1_000) as producer,
        pytest.raises(KafkaError),
    ):
        producer.send("nobody_made_this", b"ballot").get(timeout=5)


def test_a_second_home_runs_beside_the_first(home: Home, running: Endpoints, new_home: Callable[[], Home]) -> None:
    other = new_home()
    second = up(other)
    with connected(second) as connection:
        connection.execute("create table only_here (n int)")
    with connected(running) as connection:
        assert value(connection, "select to_regclass('only_here')") is None
    ports = [(at.postgres_port, at.kafka_port, at.controller_port) for at in (running, second)]
    assert len({*ports[0], *ports[1]}) == 6
    assert down(other) == list(PAIR)
    assert set(pids(home)) == set(PAIR)


def test_killed_engines_are_reported_dead_and_recover_with_their_data(home: Home, running: Endpoints) -> None:
    produced(running, "kept", 3)
    with connected(running) as connection:
        connection.execute("create table kept as select 7 as n")
    for pid in pids(home).values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    assert [found.state for found in status(home)] == ["dead", "dead"]
    assert all("election up" in found.remedy for found in status(home))
    recovered = up(home)
    assert recovered == running
    assert end_offset(recovered, "kept") == 3
    with connected(recovered) as connection:
        assert value(connection, "select n from kept") == 7


def test_a_reboots_stale_pid_files_neither_stop_a_start_nor_harm_who_has_the_pid_now(
    home: Home, running: Endpoints
) -> None:
    down(home)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        for name in PAIR:
            record(home.path / f"{name}.pid", Process(bystander.pid, "another-boot/1"))
        (home.path / "postgres" / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n{home.path}\n1\n")
        assert [found.state for found in status(home)] == ["dead", "dead"]
        assert up(home) == running
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_running_postgres_whose_pid_file_is_lost_is_found_again(home: Home, running: Endpoints) -> None:
    before = pids(home)
    (home.path / "postgres.pid").unlink()
    assert up(home) == running
    assert pids(home) == before
    assert recorded(home.path / "postgres.pid") is not None


def test_postgres_waits_for_a_backend_that_outlived_its_killed_server(home: Home, running: Endpoints) -> None:
    with connected(running) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        server = pids(home)["postgres"]
        assert server is not None
        os.kill(server, signal.SIGKILL)
        wakes = threading.Timer(1.5, os.kill, (backend, signal.SIGCONT))
        wakes.start()
        assert up(home) == running
        assert wakes.finished.is_set()
        wakes.join()


def test_a_lost_env_file_is_one_sentence_at_once(home: Home, running: Endpoints) -> None:
    down(home)
    kept = home.env_file.rename(home.path / "kept.env")
    with pytest.raises(EnginesError, match=r"refuses the owner's password in .*engines\.env; put back"):
        up(home)
    assert pids(home) == {}
    kept.rename(home.env_file)
    assert up(home) == running


def test_down_and_up_keep_the_endpoints(home: Home, running: Endpoints) -> None:
    assert down(home) == list(PAIR)
    assert [found.state for found in status(home)] == ["stopped", "stopped"]
    assert down(home) == []
    assert known_endpoints(home) == running
    assert up(home) == running


def test_moving_the_port_of_a_running_engine_is_refused(home: Home, running: Endpoints) -> None:
    before = pids(home)
    with pytest.raises(EnginesError, match=r"Postgres .* ELECTION_POSTGRES_PORT .*election down"):
        up(Home(home.path, postgres_port=free_port(set())))
    assert pids(home) == before


@pytest.mark.parametrize("engine", PAIR)
def test_a_taken_port_is_one_sentence_and_leaves_nothing_running(new_home: Callable[[], Home], engine: str) -> None:
    port = free_port(set())
    path = new_home().path
    fixed = Home(path, postgres_port=port) if engine == "postgres" else Home(path, kafka_port=port)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(EnginesError) as refusal:
        up(fixed)
    assert f"127.0.0.1:{port}" in str(refusal.value)
    assert f"ELECTION_{engine.upper()}_PORT" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert pids(fixed) == {}


def test_a_kafka_that_cannot_start_leaves_no_postgres_behind(new_home: Callable[[], Home]) -> None:
    broken = new_home()
    (broken.path / "kafka" / "data").mkdir(parents=True)
    (broken.path / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    with pytest.raises(EnginesError, match="Kafka ended while it was starting") as failure:
        up(broken)
    assert "node id 7" in str(failure.value)
    assert pids(broken) == {}
    endpoints = known_endpoints(broken)
    assert endpoints is not None
    assert not answers(endpoints.postgres_port)
    assert not list(broken.path.glob("*.pid"))


def test_an_interrupted_start_leaves_nothing_running_and_the_next_one_succeeds(
    new_home: Callable[[], Home],
) -> None:
    interrupted = new_home()
    starter = subprocess.Popen([*UP, interrupted.path], stderr=subprocess.PIPE)
    while not (interrupted.path / "kafka.pid").exists():
        time.sleep(0.02)
    kafka = recorded(interrupted.path / "kafka.pid")
    starter.send_signal(signal.SIGINT)
    _, said = starter.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    assert kafka is not None
    assert started_at(kafka.pid) is None
    assert pids(interrupted) == {}
    up(interrupted)
    assert set(pids(interrupted)) == set(PAIR)
