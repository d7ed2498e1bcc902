"""A broker that lets in whom it knows: by password or certificate, over TLS, each to what its rights name."""

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from election_assets.kafka_cluster import KafkaCluster
from engines.endpoints import Endpoints, new_cluster_id
from engines.home import Home
from engines.kafka import CONFIGURATION, Kafka
from engines.ports import LOOPBACK, answers, free_port

# What a password may hold, and what a line of the Java client's login must escape.
PASSWORDS = {
    "office": 'O"ffice\\ pass=1;',
    "counter": "counter's own",
    "auditor": "auditor's own",
    "precinct": "precinct's own",
}
CERTIFIED = "certified"
LISTENERS = ("SASL_SSL", "SASL_PLAINTEXT", "SSL")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners={listeners},CONTROLLER://{controller}
advertised.listeners={listeners}
listener.security.protocol.map=SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SSL
controller.listener.names=CONTROLLER
log.dirs=data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1

sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
{logins}
ssl.keystore.type=PEM
ssl.keystore.location=broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=ca.pem
listener.name.ssl.ssl.client.auth=required

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:office;User:CN={certified};User:CN=broker;User:ANONYMOUS
"""


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """Where the broker listens, by protocol, and the files of whoever connects."""

    folder: Path
    ports: Mapping[str, int]
    java: list[str]

    def environment(self, protocol: str, username: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """Return what a client by this protocol sets."""
        values = {
            "ELECTION_KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self.ports[protocol]}",
            "ELECTION_KAFKA_SECURITY_PROTOCOL": protocol,
        }
        if protocol.startswith("SASL_"):
            values["ELECTION_KAFKA_SASL_MECHANISM"] = mechanism
            values["ELECTION_KAFKA_USERNAME"] = username
            values["ELECTION_KAFKA_PASSWORD"] = PASSWORDS[username]
        else:
            values["ELECTION_KAFKA_CERTIFICATE_FILE"] = str(self.folder / f"{username}.pem")
        if protocol.endswith("SSL"):
            values["ELECTION_KAFKA_CA_FILE"] = str(self.folder / "ca.pem")
        return values


def allowed(kafka: KafkaCluster, username: str, rights: Iterable[tuple[str, str, str]]) -> None:
    """Let a user do operations on resources; a right is (type, name or the beginning of one, operation)."""
    acls = [
        ACL(
            f"User:{username}",
            "*",
            ACLOperation[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType[kind], name, ACLResourcePatternType.PREFIXED),
        )
        for kind, name, operation in rights
    ]
    with KafkaAdminClient(**kafka.client_options()) as admin:
        assert admin.create_acls(acls)["failed"] == []


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Run the broker while the body runs."""
    taken: set[int] = set()
    for _ in (*LISTENERS, "CONTROLLER"):
        taken.add(free_port(taken))
    *ports, controller = sorted(taken)
    _certificates(folder)
    listeners = dict(zip(LISTENERS, ports, strict=True))
    users = " ".join(f'user_{name}="{_escaped(password)}"' for name, password in PASSWORDS.items())
    logins = {
        "plain": f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};",
        "scram-sha-256": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "scram-sha-512": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    }
    text = _PROPERTIES.format(
        controller=f"{LOOPBACK}:{controller}",
        listeners=",".join(f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items()),
        certified=CERTIFIED,
        logins="\n".join(
            "listener.name.{}.{}.sasl.jaas.config={}".format(listener, mechanism, login.replace("\\", "\\\\"))
            for listener in ("sasl_ssl", "sasl_plaintext")
            for mechanism, login in logins.items()
        ),
    )
    (folder / CONFIGURATION).write_text(text)
    java = list(Kafka(Home(folder), Endpoints({})).command())[:-2]
    scram = [
        f"--add-scram=SCRAM-SHA-{size}=[name={name},password={password}]"
        for name, password in PASSWORDS.items()
        for size in (256, 512)
    ]
    tool = ["kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", CONFIGURATION, *scram]
    made = subprocess.run([*java, *tool], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    with (folder / "kafka.out").open("wb") as output:
        process = subprocess.Popen([*java, "kafka.Kafka", CONFIGURATION], cwd=folder, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not all(answers(port, LOOPBACK) for port in listeners.values()):
            assert process.poll() is None, (folder / "kafka.out").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield SecuredKafka(folder, listeners, java)
    finally:
        process.terminate()
        process.wait(60)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _certificates(folder: Path) -> None:
    """Make an authority and what it signed: the broker's certificate and a client's, each after its key."""
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 2 -keyout ca.key -out ca.pem")
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -subj /CN=stranger -days 2 -keyout other.key -out other.pem")
    for name, subject in (("broker", "broker"), (CERTIFIED, CERTIFIED)):
        (folder / "names").write_text(f"subjectAltName=IP:{LOOPBACK}")
        _openssl(folder, f"req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr")
        signing = f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names"
        _openssl(folder, f"{signing} -out {name}.crt")
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
