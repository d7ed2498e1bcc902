"""Where a home's engines listen, and the passwords: one file only its owner can read."""

import base64
import os
import secrets
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.errors import EnginesError
from engines.home import Home
from engines.ports import LOOPBACK, free_port, is_taken
from engines.roles import DATABASE, LOGIN_ROLES, OWNER
from engines.size import Size

_POSTGRES_HOST = "ELECTION_POSTGRES_HOST"
_POSTGRES_PORT = "ELECTION_POSTGRES_PORT"
_BOOTSTRAP_SERVERS = "ELECTION_KAFKA_BOOTSTRAP_SERVERS"
_CONTROLLER_PORT = "ELECTION_KAFKA_CONTROLLER_PORT"
_CLUSTER_ID = "ELECTION_KAFKA_CLUSTER_ID"
_SPARK_MASTER = "ELECTION_SPARK_MASTER"
_SPARK_MASTER_PAGE = "ELECTION_SPARK_MASTER_PAGE_PORT"
_SPARK_WORKERS = "ELECTION_SPARK_WORKER_PORTS"
_SPARK_WORKER_PAGES = "ELECTION_SPARK_WORKER_PAGE_PORTS"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the home's env file says; `values` are its lines, secrets included."""

    values: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """The address on which all engines serve their clients."""
        return self.values.get(_POSTGRES_HOST, LOOPBACK)

    @property
    def postgres_port(self) -> int:
        """The port Postgres listens on."""
        return int(self.values[_POSTGRES_PORT])

    @property
    def kafka_port(self) -> int:
        """The port the clients of the first broker use."""
        return self.kafka_ports[0]

    @property
    def controller_port(self) -> int:
        """The port of the first broker's own KRaft controller."""
        return self.controller_ports[0]

    @property
    def kafka_ports(self) -> list[int]:
        """The port the clients of each broker use, by node."""
        return _ports_in(self.bootstrap_servers)

    @property
    def controller_ports(self) -> list[int]:
        """The port of each node's KRaft controller."""
        return _ports_in(self.values[_CONTROLLER_PORT])

    @property
    def kafka_cluster_id(self) -> str | None:
        """The id all nodes format their data with; None where the only node makes its own."""
        return self.values.get(_CLUSTER_ID)

    @property
    def spark_master(self) -> str:
        """The address of the Spark master."""
        return self.values[_SPARK_MASTER]

    @property
    def spark_master_page_port(self) -> int:
        """The port of the Spark master's page, which tells what it knows as JSON too."""
        return int(self.values[_SPARK_MASTER_PAGE])

    @property
    def spark_worker_ports(self) -> list[int]:
        """The port of each Spark worker."""
        return _ports_in(self.values.get(_SPARK_WORKERS, ""))

    @property
    def spark_worker_page_ports(self) -> list[int]:
        """The port of each Spark worker's page."""
        return _ports_in(self.values.get(_SPARK_WORKER_PAGES, ""))

    @property
    def bootstrap_servers(self) -> str:
        """What a Kafka client is given to connect."""
        return self.values[_BOOTSTRAP_SERVERS]

    def password(self, role: str) -> str:
        """Return the random password of a Postgres role."""
        return self.values[password_key(role)]


@dataclass(frozen=True, slots=True)
class _Listeners:
    """A line that says where `count` servers listen; fixed ones have `first` and the ports after it."""

    key: str
    count: int = 1
    first: int | None = None
    prefix: str = ""


def _ports_in(line: str) -> list[int]:
    return [int(address.rpartition(":")[2]) for address in line.split(",") if address]


def password_key(role: str) -> str:
    """Return the setting that has the password of a role."""
    return f"ELECTION_POSTGRES_PASSWORD_{role.upper()}"


def known_endpoints(home: Home) -> Endpoints | None:
    """Read what the home remembers; None where it never started."""
    try:
        text = home.env_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnginesError(
            f"{home.env_file} cannot be read ({error.strerror}); it belongs to the user who started the engines."
        ) from error
    lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    endpoints = Endpoints({key: value for key, _, value in lines})
    try:
        _ = endpoints.postgres_port, endpoints.kafka_port, endpoints.controller_port
    except (KeyError, ValueError, IndexError) as error:
        raise EnginesError(
            f"{home.env_file} is damaged ({error}); put it back from a copy, or remove {home.path} to start afresh."
        ) from error
    return endpoints


def settled_endpoints(home: Home, size: Size = Size.LAPTOP, spark_workers: int | None = None) -> Endpoints:
    """Complete what the home remembers with free ports and fresh passwords, and write it down.

    Call it under the home's lock. An address or port fixed by a setting replaces the remembered one. Of Spark's
    workers there are at least `spark_workers`; those that a home has are never given up.
    """
    known = known_endpoints(home)
    values = dict(known.values) if known else {}
    host = home.host or Endpoints(values).host
    if known and any(map(is_taken, known.controller_ports)) and not _any_taken(known.kafka_ports, known.host):
        # Kafka is stopped and another program has an inner port, which nobody but Kafka knows: move it.
        del values[_CONTROLLER_PORT]
    values[_POSTGRES_HOST] = host
    values["ELECTION_POSTGRES_DATABASE"] = DATABASE
    _settle_ports(values, _listeners(home, size, _worker_count(known, size, spark_workers), host), host)
    if size is Size.CLUSTER:
        values.setdefault(_CLUSTER_ID, new_cluster_id())
    for role in (OWNER, *LOGIN_ROLES):
        values.setdefault(password_key(role), new_password())
    if known is None or values != known.values:
        _write(home, values)
    return Endpoints(values)


def _worker_count(known: Endpoints | None, size: Size, asked: int | None) -> int:
    there = len(known.spark_worker_ports) if known else 0
    return max(there, asked or (0 if there else size.spark_workers)) if size.spark_workers else 0


def _any_taken(ports: list[int], host: str) -> bool:
    return any(is_taken(port, host) for port in ports)


def _listeners(home: Home, size: Size, workers: int, host: str) -> list[_Listeners]:
    of_all = [
        _Listeners(_POSTGRES_PORT, 1, home.postgres_port),
        _Listeners(_BOOTSTRAP_SERVERS, size.kafka_nodes, home.kafka_port, f"{host}:"),
        _Listeners(_CONTROLLER_PORT, size.kafka_nodes),
    ]
    of_spark = [
        _Listeners(_SPARK_MASTER, prefix=f"spark://{host}:"),
        _Listeners(_SPARK_MASTER_PAGE),
        _Listeners(_SPARK_WORKERS, workers),
        _Listeners(_SPARK_WORKER_PAGES, workers),
    ]
    return of_all + (of_spark if workers else [])


def _settle_ports(values: dict[str, str], lines: list[_Listeners], host: str) -> None:
    fixed = {one.key: [*range(one.first, one.first + one.count)] for one in lines if one.first is not None}
    taken = {port for line in lines for port in fixed.get(line.key, _ports_in(values.get(line.key, "")))}
    for line in lines:
        ports = fixed.get(line.key) or _ports_in(values.get(line.key, ""))
        while len(ports) < line.count:
            ports.append(free_port(taken, host))
            taken.add(ports[-1])
        values[line.key] = ",".join(f"{line.prefix}{port}" for port in ports)


def new_password() -> str:
    """Make a password of 192 random bits, which no shell has to quote."""
    return secrets.token_urlsafe(24)


def new_cluster_id() -> str:
    """Make a cluster id as Kafka does: 16 random bytes in URL-safe base64, never led by a dash."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not made.startswith("-"):
            return made


def _write(home: Home, values: Mapping[str, str]) -> None:
    """Replace the env file in one step; mkstemp makes it 0600 before a secret is in it."""
    descriptor, temporary = tempfile.mkstemp(dir=home.path, prefix=".engines.env.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{key}={value}\n" for key, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, home.env_file)
