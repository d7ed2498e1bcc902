"""The dashboard's way to Postgres, and its only reader of the environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import errors

_HOST = "ELECTION_POSTGRES_HOST"
_PORT = "ELECTION_POSTGRES_PORT"
_DATABASE = "ELECTION_POSTGRES_DATABASE"
_PASSWORD = "ELECTION_POSTGRES_PASSWORD_READER"  # noqa: S105
_PROJECT = Path(__file__).resolve().parents[1]

# Shorter than a viewer's patience; libpq takes nothing below 2.
_CONNECT_TIMEOUT_SECONDS = 3

_UNBUILT = (
    errors.InvalidSchemaName,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.InsufficientPrivilege,
)


class ResultsUnavailableError(Exception):
    """The results cannot be read now; the text is a sentence for whoever watches the page."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the marts are, and the password of `reader`."""

    host: str
    port: str
    database: str
    password: str = field(repr=False)


def address_from(environ: Mapping[str, str]) -> Address:
    """Take the address from `environ`, and what is missing there from ELECTION_ENV_FILE, `engines.env` in the home.

    Raises ResultsUnavailableError naming every setting that is in neither.
    """
    home = environ.get("ELECTION_HOME", "").strip()
    in_home = (Path(home).expanduser() if home else _PROJECT / ".election") / "engines.env"
    env_file = Path(environ.get("ELECTION_ENV_FILE") or in_home)
    set_here = {name: environ[name] for name in (_HOST, _PORT, _DATABASE, _PASSWORD) if environ.get(name)}
    values = set_here if len(set_here) == 4 else _lines_of(env_file) | set_here
    missing = [name for name in (_HOST, _PORT, _DATABASE, _PASSWORD) if not values.get(name)]
    if missing:
        raise ResultsUnavailableError(
            f"The database is not known: {', '.join(missing)} is neither set nor in {env_file.name} of the "
            "engines' home. Start the engines with “election up”, or set it."
        )
    return Address(values[_HOST], values[_PORT], values[_DATABASE], values[_PASSWORD])


def _lines_of(env_file: Path) -> dict[str, str]:
    try:
        lines = env_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ResultsUnavailableError(
            f"{env_file.name} cannot be read ({error.strerror}). Run the dashboard as the user who started the "
            "engines, or set the ELECTION_POSTGRES_… settings."
        ) from error
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@contextmanager
def reading() -> Iterator[psycopg.Connection]:
    """Open one read-only snapshot of the marts, and turn whatever the database lacks into a sentence.

    A connection per read: there is about one read a second for all viewers together, and a
    restarted database, or one that came back on another port, is then found by itself.
    """
    address = address_from(os.environ)
    try:
        with psycopg.connect(
            host=address.host,
            port=address.port,
            dbname=address.database,
            user="reader",
            password=address.password,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            application_name="dashboard",
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except _UNBUILT as error:
        raise ResultsUnavailableError(
            f"The marts are not ready ({error.diag.message_primary}). They are built by “make demo”, "
            "or in Dagster by “Materialize all”."
        ) from error
    except psycopg.OperationalError as error:
        raise ResultsUnavailableError(_away(address, str(error))) from error


def _away(address: Address, cause: str) -> str:
    """Say what is wrong and what mends it; libpq's own text runs over several lines and names the role."""
    place = f"The database at {address.host}:{address.port}"
    if "password authentication failed" in cause:
        return f"{place} refuses the password of “reader”. Set {_PASSWORD}, or unset it to use the engines' own."
    known = ("Connection refused", "timeout expired", "starting up", "shutting down", "too many connections")
    found = next((each.lower() for each in known if each in cause), "it does not answer")
    return f"{place} is away ({found}). “election status” says how the engines are, “election up” starts them."
