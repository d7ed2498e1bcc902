"""Kafka: one KRaft node, broker and controller in one process, from its Maven jars, on loopback alone."""

import base64
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from engines.endpoints import Endpoints
from engines.engine import Engine, last_words
from engines.errors import EnginesError
from engines.home import Home
from engines.jars import jar_paths
from engines.java import find_java
from engines.ports import LOOPBACK, answers
from engines.processes import run_tool

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
    """A broker with its own controller; what a cluster's nodes differ in is `node_id`."""

    name = "kafka"
    title = "Kafka"
    stop_signals = ((signal.SIGTERM, 30.0),)

    def __init__(self, home: Home, endpoints: Endpoints, node_id: int = 1) -> None:
        super().__init__(home, endpoints)
        self.node_id = node_id

    @property
    def port(self) -> int:
        """The port its clients use."""
        return self.endpoints.kafka_port

    @property
    def logs(self) -> Sequence[Path]:
        """What the JVM printed, and what the broker logged."""
        return (self.folder / "kafka.out", self.folder / "kafka.log")

    def prepare(self, report: Callable[[str], None]) -> None:
        """Write the configuration, and format the data folder at the first start."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.output.write_bytes(b"")
        (self.folder / CONFIGURATION).write_text(self._configuration("data"), encoding="ascii")
        if not self.data.exists():
            report("Kafka formats its data folder (first start).")
            self._format()

    def _configuration(self, data: str) -> str:
        # Paths are relative to the engine's folder: a properties file would need them escaped.
        return f"""\
# Written anew at each start.
process.roles=broker,controller
node.id={self.node_id}
controller.quorum.voters={self.node_id}@{LOOPBACK}:{self.endpoints.controller_port}
listeners=BROKER://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.endpoints.controller_port}
advertised.listeners=BROKER://{LOOPBACK}:{self.port}
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

# One node, so one replica, and no more partitions of Kafka's own than one node has use for.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
"""

    def _format(self) -> None:
        """Format beside the final place, so that an interrupted format leaves no half a data folder."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        (self.folder / _FRESH_CONFIGURATION).write_text(self._configuration(fresh.name), encoding="ascii")
        tool = ["kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", _FRESH_CONFIGURATION]
        made = run_tool([*self._java(), "-XX:TieredStopAtLevel=1", *tool], self.folder)
        (self.folder / _FRESH_CONFIGURATION).unlink()
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EnginesError(f"Kafka could not format {self.data}. {last_words(made.stderr)}")
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
        """Tell whether a client gets this very cluster's metadata, with its broker in it."""
        if not answers(self.port):
            return False
        # Imported here: the client takes 0.3 s to load, which the broker's start-up hides.
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            client = KafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{self.port}", bootstrap_timeout_ms=5_000)
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
                f"Another Kafka (cluster {cluster['cluster_id']}) answers on {LOOPBACK}:{self.port}; "
                "stop it, or set ELECTION_KAFKA_PORT to a free port."
            )
        return bool(cluster["brokers"])


def _new_cluster_id() -> str:
    """Make a cluster id as Kafka does: 16 random bytes in URL-safe base64, never led by a dash."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not made.startswith("-"):
            return made
