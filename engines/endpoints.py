"""Where a home's engines listen, and the passwords: one file only its owner can read."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.errors import EnginesError
from engines.home import Home
from engines.ports import LOOPBACK, free_port, is_taken

OWNER = "owner"
LOGIN_ROLES = ("registrar", "counter", "builder", "reader", "auditor", "dagster")
DATABASE = "election"

_POSTGRES_PORT = "ELECTION_POSTGRES_PORT"
_BOOTSTRAP_SERVERS = "ELECTION_KAFKA_BOOTSTRAP_SERVERS"
_CONTROLLER_PORT = "ELECTION_KAFKA_CONTROLLER_PORT"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the home's env file says; `values` are its lines, secrets included."""

    values: Mapping[str, str] = field(repr=False)

    @property
    def postgres_port(self) -> int:
        """The port Postgres listens on."""
        return int(self.values[_POSTGRES_PORT])

    @property
    def kafka_port(self) -> int:
        """The port the broker's clients use."""
        return int(self.bootstrap_servers.rpartition(":")[2])

    @property
    def controller_port(self) -> int:
        """The port of the broker's own KRaft controller."""
        return int(self.values[_CONTROLLER_PORT])

    @property
    def bootstrap_servers(self) -> str:
        """What a Kafka client is given to connect."""
        return self.values[_BOOTSTRAP_SERVERS]

    def password(self, role: str) -> str:
        """Return the random password of a Postgres role."""
        return self.values[_password_key(role)]


def _password_key(role: str) -> str:
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
    except (KeyError, ValueError) as error:
        raise EnginesError(
            f"{home.env_file} is damaged ({error}); put it back from a copy, or remove {home.path} to start afresh."
        ) from error
    return endpoints


def settled_endpoints(home: Home) -> Endpoints:
    """Complete what the home remembers with free ports and fresh passwords, and write it down.

    Call it under the home's lock. A port fixed by a setting replaces the remembered one.
    """
    known = known_endpoints(home)
    values = dict(known.values) if known else {}
    if known and is_taken(known.controller_port) and not is_taken(known.kafka_port):
        # Kafka is stopped and another program has its inner port, which nobody but Kafka knows: move it.
        del values[_CONTROLLER_PORT]
    taken = {port for port in (home.postgres_port, home.kafka_port) if port is not None}
    if known:
        taken |= {known.postgres_port, known.kafka_port, known.controller_port}
    values["ELECTION_POSTGRES_HOST"] = LOOPBACK
    values["ELECTION_POSTGRES_DATABASE"] = DATABASE
    for key, fixed, prefix in (
        (_POSTGRES_PORT, home.postgres_port, ""),
        (_BOOTSTRAP_SERVERS, home.kafka_port, f"{LOOPBACK}:"),
        (_CONTROLLER_PORT, None, ""),
    ):
        if fixed is not None or key not in values:
            port = free_port(taken) if fixed is None else fixed
            values[key] = f"{prefix}{port}"
            taken.add(port)
    for role in (OWNER, *LOGIN_ROLES):
        values.setdefault(_password_key(role), secrets.token_urlsafe(24))
    if known is None or values != known.values:
        _write(home, values)
    return Endpoints(values)


def _write(home: Home, values: Mapping[str, str]) -> None:
    """Replace the env file in one step; mkstemp makes it 0600 before a secret is in it."""
    descriptor, temporary = tempfile.mkstemp(dir=home.path, prefix=".engines.env.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{key}={value}\n" for key, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, home.env_file)
