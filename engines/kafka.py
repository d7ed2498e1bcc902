"""Kafka: KRaft nodes, each broker and controller in one process, from its Maven jars, on one address."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from engines.endpoints import Endpoints, new_cluster_id
from engines.engine import Engine, last_words
from engines.errors import EnginesError
from engines.home import Home
from engines.jars import jar_paths
from engines.java import find_java
from engines.ports import LOOPBACK, answers
from engines.processes import run_tool

_REPLICAS, _IN_SYNC = 3, 2

LOGGING = Path(__file__).with_name("kafka-log4j2.properties")
CONFIGURATION = "server.properties"
_FRESH_CONFIGURATION = "format.properties"

# 350 MB resident on the benchmark's load. Its work is copying bytes, so the collector hardly matters
# but for start-up: serial is the quickest there.
_JVM_FLAGS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
)


class Kafka(Engine):
    """A broker with its own controller: one alone, or one of `nodes` whose controllers are one quorum."""

    stop_signals = ((signal.SIGTERM, 30.0),)

    def __init__(self, home: Home, endpoints: Endpoints, node_id: int = 1, nodes: int = 1) -> None:
        super().__init__(home, endpoints)
        self.node_id = node_id
        self.nodes = nodes
        self.name = "kafka" if nodes == 1 else f"kafka-{node_id}"
        self.title = "Kafka" if nodes == 1 else f"Kafka node {node_id}"

    @property
    def port(self) -> int:
        """The port its clients use."""
        return self.endpoints.kafka_ports[self.node_id - 1]

    @property
    def fixed_port(self) -> int | None:
        """The port that ELECTION_KAFKA_PORT says for the first node; the others have those after it."""
        return None if self.home.kafka_port is None else self.home.kafka_port + self.node_id - 1

    @property
    def port_setting(self) -> str:
        """The setting that fixes its port."""
        return "ELECTION_KAFKA_PORT"

    @property
    def logs(self) -> Sequence[Path]:
        """What the JVM printed, and what the broker logged."""
        return (self.folder / "kafka.out", self.folder / "kafka.log")

    def prepare(self, report: Callable[[str], None]) -> None:
        """Write the configuration, and format the data folder at the first start."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.output.write_bytes(b"")
        (self.folder / CONFIGURATION).write_text(self.configuration("data"), encoding="ascii")
        if not self.data.exists():
            report(f"{self.title} formats its data folder (first start).")
            self._format()

    def configuration(self, data: str) -> str:
        """Return the node's properties; `data` is where its log is, relative to its folder."""
        controllers = self.endpoints.controller_ports
        voters = ",".join(f"{node}@{LOOPBACK}:{port}" for node, port in enumerate(controllers, 1))
        controller = f"{LOOPBACK}:{controllers[self.node_id - 1]}"
        replicas = min(_REPLICAS, self.nodes)
        in_sync = min(_IN_SYNC, self.nodes)
        # Paths are relative to the engine's folder: a properties file would need them escaped.
        return f"""\
# Written anew at each start.
process.roles=broker,controller
node.id={self.node_id}
controller.quorum.voters={voters}
listeners=BROKER://{self.address},CONTROLLER://{controller}
advertised.listeners=BROKER://{self.address}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}

auto.create.topics.enable=false
unclean.leader.election.enable=false
group.initial.rebalance.delay.ms=0
# A broker killed and started again waits out its old session before it may register: 9 s by default.
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000

# As many replicas as nodes, and no more partitions of Kafka's own than one host has use for.
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=4
"""

    def _format(self) -> None:
        """Format beside the final place, so that an interrupted format leaves no half a data folder."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        (self.folder / _FRESH_CONFIGURATION).write_text(self.configuration(fresh.name), encoding="ascii")
        cluster_id = self.endpoints.kafka_cluster_id or new_cluster_id()
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", _FRESH_CONFIGURATION]
        made = run_tool([*self._java(), "-XX:TieredStopAtLevel=1", *tool], self.folder)
        (self.folder / _FRESH_CONFIGURATION).unlink()
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EnginesError(f"{self.title} could not format {self.data}. {last_words(made.stderr)}")
        os.rename(fresh, self.data)

    def _java(self) -> list[str]:
        class_path = os.pathsep.join(str(path) for name in ("kafka", "log4j-slf4j-impl") for path in jar_paths(name))
        logging = f"-Dlog4j2.configurationFile={LOGGING.as_uri()}"
        return [str(find_java(os.environ)), *_JVM_FLAGS, logging, "-cp", class_path]

    def command(self) -> Sequence[str]:
        """The broker's JVM."""
        return [*self._java(), "kafka.Kafka", CONFIGURATION]

    def cluster_id(self) -> str:
        """Return the id this home's data was formatted with."""
        lines = (self.data / "meta.properties").read_text(encoding="ascii").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)["cluster.id"]

    def is_ready(self) -> bool:
        """Tell whether a client gets this very cluster's metadata, with this broker in it."""
        if not answers(self.port, self.endpoints.host):
            return False
        # Imported here: the client takes 0.3 s to load, which the broker's start-up hides.
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            client = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=5_000)
        except KafkaError:
            return False
        try:
            cluster = client.describe_cluster()
        except KafkaError:
            return False
        finally:
            client.close()
        if cluster["cluster_id"] != self.cluster_id():
            raise EnginesError(
                f"Another Kafka (cluster {cluster['cluster_id']}) answers on {self.address}; "
                "stop it, or set ELECTION_KAFKA_PORT to a free port."
            )
        return any(broker["port"] == self.port for broker in cluster["brokers"])
