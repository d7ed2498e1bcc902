"""Claims about a home's size, and what a cluster's servers are told, before anything is started."""

from pathlib import Path

import pytest

from engines.doctor import ports
from engines.endpoints import Endpoints, known_endpoints, settled_endpoints
from engines.errors import EnginesError
from engines.home import Home
from engines.kafka import Kafka
from engines.ports import LOOPBACK
from engines.size import Size, remembered_size, settled_size
from engines.spark import SparkMaster, SparkWorker
from engines.status import engines_of, status

CLUSTER = [
    "postgres",
    *("kafka-1", "kafka-2", "kafka-3"),
    "spark-master",
    *("spark-worker-1", "spark-worker-2", "spark-worker-3"),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home of a cluster that was not started yet."""
    made = Home(tmp_path)
    settled_size(made, Size.CLUSTER)
    return made


@pytest.fixture
def endpoints(home: Home) -> Endpoints:
    """Where the cluster's servers will listen."""
    return settled_endpoints(home, Size.CLUSTER)


def settings_of(engine: Kafka) -> dict[str, str]:
    lines = engine.configuration("data").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_a_home_is_a_laptops_unless_asked_otherwise_and_has_no_file_that_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert remembered_size(home) is None
    assert settled_size(home, None) is Size.LAPTOP
    settled_endpoints(home)
    assert [path.name for path in tmp_path.iterdir()] == ["engines.env"]
    assert remembered_size(home) is Size.LAPTOP
    assert [one.name for one in status(home)] == ["postgres", "kafka"]


def test_a_home_keeps_its_size(home: Home) -> None:
    assert settled_size(home, None) is settled_size(home, Size.CLUSTER) is Size.CLUSTER
    assert [one.name for one in status(home)] == CLUSTER


@pytest.mark.parametrize(("first", "second"), [(Size.LAPTOP, Size.CLUSTER), (Size.CLUSTER, Size.LAPTOP)])
def test_another_size_is_refused_with_a_remedy(tmp_path: Path, first: Size, second: Size) -> None:
    home = Home(tmp_path)
    settled_endpoints(home, settled_size(home, first))
    with pytest.raises(EnginesError, match=f"is of size {first}, and {second} was asked for; .*ELECTION_HOME") as said:
        settled_size(home, second)
    assert "\n" not in str(said.value)
    assert remembered_size(home) is first


def test_a_size_that_is_none_is_refused(home: Home) -> None:
    home.size_file.write_text("huge\n")
    with pytest.raises(EnginesError, match="'huge', which is no size; write one of laptop, cluster"):
        remembered_size(home)


def test_a_clusters_endpoints_name_all_brokers_and_the_master_and_are_remembered(
    home: Home, endpoints: Endpoints
) -> None:
    assert endpoints == known_endpoints(home) == settled_endpoints(home, Size.CLUSTER)
    assert endpoints.bootstrap_servers == ",".join(f"{LOOPBACK}:{port}" for port in endpoints.kafka_ports)
    assert len(endpoints.kafka_ports) == len(endpoints.controller_ports) == 3
    assert endpoints.values["ELECTION_SPARK_MASTER"] == endpoints.spark_master
    engines = engines_of(home, endpoints)
    assert len({engine.port for engine in engines}) == len(engines)


def test_workers_are_added_and_never_given_up(home: Home, endpoints: Endpoints) -> None:
    more = settled_endpoints(home, Size.CLUSTER, 5)
    assert more.spark_worker_ports[:3] == endpoints.spark_worker_ports
    assert len(settled_endpoints(home, Size.CLUSTER, 2).spark_worker_ports) == 5
    assert [one.name for one in status(home)][-1] == "spark-worker-5"


def test_a_fixed_port_is_the_first_nodes_and_the_next_ones_the_others(home: Home, endpoints: Endpoints) -> None:
    fixed = Home(home.path, kafka_port=29_100)
    moved = settled_endpoints(fixed, Size.CLUSTER)
    assert moved.kafka_ports == [29_100, 29_101, 29_102]
    assert [Kafka(fixed, moved, node, 3).fixed_port for node in (1, 2, 3)] == moved.kafka_ports
    assert moved.spark_master == endpoints.spark_master


def test_a_node_is_one_of_a_quorum_of_three_and_keeps_three_replicas(home: Home, endpoints: Endpoints) -> None:
    nodes = [settings_of(Kafka(home, endpoints, node, 3)) for node in (1, 2, 3)]
    assert [node["node.id"] for node in nodes] == ["1", "2", "3"]
    voters = ",".join(f"{node}@{LOOPBACK}:{port}" for node, port in enumerate(endpoints.controller_ports, 1))
    for node, port in zip(nodes, endpoints.kafka_ports, strict=True):
        assert node["controller.quorum.voters"] == voters
        assert node["advertised.listeners"] == f"BROKER://{LOOPBACK}:{port}"
        assert (node["default.replication.factor"], node["min.insync.replicas"]) == ("3", "2")
        assert node["unclean.leader.election.enable"] == "false"


def test_a_node_alone_keeps_one_replica(tmp_path: Path) -> None:
    alone = settings_of(Kafka(Home(tmp_path), settled_endpoints(Home(tmp_path))))
    assert {alone[name] for name in alone if "replication.factor" in name or "min.i" in name} == {"1"}
    assert "," not in alone["controller.quorum.voters"]


def test_sparks_servers_stay_on_loopback_and_write_below_the_home(home: Home, endpoints: Endpoints) -> None:
    worker = SparkWorker(home, endpoints, 2)
    for server in (SparkMaster(home, endpoints), worker):
        command = list(server.command())
        assert command[command.index("--host") + 1] == server.environment["SPARK_LOCAL_IP"] == LOOPBACK
        assert command[command.index("--port") + 1] == str(server.port)
        assert Path(server.environment["SPARK_LOCAL_DIRS"]).is_relative_to(home.path / server.name)
    assert str(home.path / "spark-worker-2" / "data") in worker.command()
    assert list(worker.command())[-1] == endpoints.spark_master


def test_the_doctor_looks_at_the_ports_of_all_servers(home: Home, endpoints: Endpoints) -> None:
    assert [finding.name for finding in ports(home)] == [f"port/{name}" for name in CLUSTER]
    assert all(finding.ok for finding in ports(home))
