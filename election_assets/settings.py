"""The settings of this package, and its only reader of the environment.

Where a home has engines of its own, the file `engines.env` in it says where they listen, and the passwords;
ELECTION_ENV_FILE names another one. A variable that is set wins over the file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo

from election_assets.domain.election import PARTITIONS
from election_assets.domain.topics import (
    CANDIDATES_TOPIC,
    ELECTIONS_TOPIC,
    RESULTS_TOPIC,
    VOTERS_TOPIC,
    VOTES_TOPIC,
)
from election_assets.errors import PermanentError
from election_assets.kafka_cluster import LOGIN_MODULES, SECURITY_PROTOCOLS, KafkaCluster

PROJECT = Path(__file__).resolve().parents[1]
ROLES = ("owner", "registrar", "counter", "builder", "reader", "auditor", "dagster")
_REQUIRED = (
    "ELECTION_POSTGRES_HOST",
    "ELECTION_POSTGRES_PORT",
    "ELECTION_POSTGRES_DATABASE",
    "ELECTION_KAFKA_BOOTSTRAP_SERVERS",
)


class PeopleSource(StrEnum):
    """Where people come from: invented, asked of a service, or read from a file."""

    SYNTHETIC = "synthetic"
    API = "api"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """Where the voters of registered elections and the candidates of generated ones come from."""

    source: PeopleSource
    url: str = field(repr=False)
    file: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Build settings from `environ`; raise PermanentError for a value that cannot be."""
        named = environ.get("ELECTION_PEOPLE") or PeopleSource.SYNTHETIC
        if named not in list(PeopleSource):
            raise PermanentError(f"ELECTION_PEOPLE is {named!r}; it must be one of {', '.join(PeopleSource)}.")
        url = environ.get("ELECTION_PEOPLE_URL") or "https://randomuser.me/api/"
        file = environ.get("ELECTION_PEOPLE_FILE", "")
        if named == PeopleSource.API and not _is_web_address(url):
            raise PermanentError("ELECTION_PEOPLE_URL is no address of a service: it must be http://… or https://….")
        if named == PeopleSource.FILE and not file:
            raise PermanentError("ELECTION_PEOPLE is 'file', so ELECTION_PEOPLE_FILE must name a .csv or .jsonl file.")
        return cls(PeopleSource(named), url, Path(file).expanduser().absolute())


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the outside systems are, and what they are called there."""

    home: Path
    postgres_host: str
    postgres_port: int
    postgres_database: str
    passwords: Mapping[str, str] = field(repr=False)
    kafka: KafkaCluster
    spark_master: str
    spark_cores: int | None
    spark_driver_host: str
    votes_topic: str
    elections_topic: str
    results_topic: str
    voters_topic: str
    candidates_topic: str
    people: PeopleSettings
    alert_webhook: str | None = field(repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Build settings from `environ` over the home's file; raise PermanentError naming all that is missing."""
        home = home_of(environ)
        env_file = Path(environ.get("ELECTION_ENV_FILE") or home / "engines.env")
        values = {**read_env_file(env_file), **{name: value for name, value in environ.items() if value}}
        missing = [name for name in _REQUIRED if not values.get(name)]
        if missing:
            raise PermanentError(
                f"Not set, and not in {env_file} either: {', '.join(missing)}. "
                "`election up` starts engines and writes that file."
            )
        return cls(
            home=home,
            postgres_host=values["ELECTION_POSTGRES_HOST"],
            postgres_port=_port(values["ELECTION_POSTGRES_PORT"]),
            postgres_database=values["ELECTION_POSTGRES_DATABASE"],
            passwords={role: values.get(f"ELECTION_POSTGRES_PASSWORD_{role.upper()}", "") for role in ROLES},
            kafka=_kafka(values),
            spark_master=values.get("ELECTION_SPARK_MASTER") or f"local[{_task_slots()}]",
            spark_cores=_cores(values.get("ELECTION_SPARK_CORES")),
            spark_driver_host=values.get("ELECTION_SPARK_DRIVER_HOST") or "127.0.0.1",
            votes_topic=values.get("ELECTION_KAFKA_VOTES_TOPIC") or VOTES_TOPIC,
            elections_topic=values.get("ELECTION_KAFKA_ELECTIONS_TOPIC") or ELECTIONS_TOPIC,
            results_topic=values.get("ELECTION_KAFKA_RESULTS_TOPIC") or RESULTS_TOPIC,
            voters_topic=values.get("ELECTION_KAFKA_VOTERS_TOPIC") or VOTERS_TOPIC,
            candidates_topic=values.get("ELECTION_KAFKA_CANDIDATES_TOPIC") or CANDIDATES_TOPIC,
            people=PeopleSettings.from_environment(values),
            alert_webhook=values.get("ELECTION_ALERT_WEBHOOK"),
        )

    def conninfo(self, role: str, database: str | None = None) -> str:
        """Return how `role` connects; raise PermanentError where its password is not known here."""
        if not self.passwords.get(role):
            raise PermanentError(
                f"No password for role {role!r}: set ELECTION_POSTGRES_PASSWORD_{role.upper()}, "
                "or let `election up` make one."
            )
        return make_conninfo(
            host=self.postgres_host,
            port=self.postgres_port,
            dbname=database or self.postgres_database,
            user=role,
            password=self.passwords[role],
            connect_timeout=10,
        )


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the home that ELECTION_HOME names, `.election` in the project by default."""
    named = environ.get("ELECTION_HOME", "").strip()
    return Path(named).expanduser().absolute() if named else PROJECT / ".election"


def read_env_file(path: Path) -> dict[str, str]:
    """Read lines of NAME=VALUE; empty where there is no such file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _kafka(values: Mapping[str, str]) -> KafkaCluster:
    """Return how Kafka is reached; raise PermanentError for settings that do not go together."""
    made = KafkaCluster(
        bootstrap_servers=values["ELECTION_KAFKA_BOOTSTRAP_SERVERS"],
        security_protocol=values.get("ELECTION_KAFKA_SECURITY_PROTOCOL") or "PLAINTEXT",
        sasl_mechanism=values.get("ELECTION_KAFKA_SASL_MECHANISM"),
        username=values.get("ELECTION_KAFKA_USERNAME", ""),
        password=values.get("ELECTION_KAFKA_PASSWORD", ""),
        ca_file=_file(values, "ELECTION_KAFKA_CA_FILE"),
        certificate_file=_file(values, "ELECTION_KAFKA_CERTIFICATE_FILE"),
    )
    if made.security_protocol not in SECURITY_PROTOCOLS:
        raise PermanentError(
            f"ELECTION_KAFKA_SECURITY_PROTOCOL is {made.security_protocol!r}; it must be one of "
            f"{', '.join(SECURITY_PROTOCOLS)}."
        )
    login = {f"ELECTION_KAFKA_{name}" for name in ("SASL_MECHANISM", "USERNAME", "PASSWORD")}
    files = {f"ELECTION_KAFKA_{name}" for name in ("CA_FILE", "CERTIFICATE_FILE")}
    useful = (login if made.has_login else set()) | (files if made.has_tls else set())
    missing = sorted(name for name in login & useful if not values.get(name))
    useless = sorted(name for name in (login | files) - useful if values.get(name))
    if missing or useless:
        needs = f"needs {', '.join(missing)}" if missing else f"has no use for {', '.join(useless)}"
        raise PermanentError(
            f"ELECTION_KAFKA_SECURITY_PROTOCOL is {made.security_protocol}, which {needs}. SASL_… logs in by name and "
            "password, …SSL speaks TLS."
        )
    if made.has_login and made.sasl_mechanism not in LOGIN_MODULES:
        raise PermanentError(
            f"ELECTION_KAFKA_SASL_MECHANISM is {made.sasl_mechanism!r}; it must be one of {', '.join(LOGIN_MODULES)}."
        )
    return made


def _file(values: Mapping[str, str], name: str) -> Path | None:
    if not values.get(name):
        return None
    path = Path(values[name]).expanduser().absolute()
    if not path.is_file():
        raise PermanentError(f"{name} is {str(path)!r}, where there is no file.")
    return path


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise PermanentError(f"ELECTION_POSTGRES_PORT is {text!r}; it must be a port between 1 and 65535.")
    return int(text)


def _task_slots() -> int:
    """Return one for each core, and no less than an election's usual partitions: tasks wait for commits a good deal."""
    return max(os.cpu_count() or 1, PARTITIONS)


def _cores(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise PermanentError(f"ELECTION_SPARK_CORES is {text!r}; it must be a number of cores, 1 or more, or unset.")
    return int(text)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
