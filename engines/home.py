"""The home: the folder in which one set of engines lives, and the settings that place it."""

import fcntl
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.errors import EnginesError

PROJECT = Path(__file__).resolve().parents[1]

# Longer than the slowest first start seen (20 s on two busy cores), so that waiting is the rule.
LOCK_TIMEOUT_SECONDS = 180

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with engines of its own, on an address of this machine. Two never share a port, file or password."""

    path: Path
    postgres_port: int | None = None
    kafka_port: int | None = None
    host: str | None = None

    @property
    def env_file(self) -> Path:
        """All endpoints and secrets, KEY=VALUE lines only their owner can read."""
        return self.path / "engines.env"

    @property
    def size_file(self) -> Path:
        """The size of the home; a laptop's has none."""
        return self.path / "engines.size"

    @property
    def lock_file(self) -> Path:
        """Held while the engines of this home are started or stopped."""
        return self.path / "engines.lock"


def home_from(environ: Mapping[str, str]) -> Home:
    """Read which home is meant, its address and the ports that are fixed; raise EnginesError on one that cannot be."""
    named = environ.get("ELECTION_HOME", "").strip()
    path = Path(named).expanduser().absolute() if named else PROJECT / ".election"
    ports = (_port(environ, "ELECTION_POSTGRES_PORT"), _port(environ, "ELECTION_KAFKA_PORT"))
    home = Home(path, *ports, _host(environ))
    if home.postgres_port is not None and home.postgres_port == home.kafka_port:
        raise EnginesError(
            f"ELECTION_POSTGRES_PORT and ELECTION_KAFKA_PORT are both {home.postgres_port}; "
            "give each engine a port of its own, or unset both and free ones are picked."
        )
    return home


def _host(environ: Mapping[str, str]) -> str | None:
    text = environ.get("ELECTION_HOST", "").strip()
    if text and not _HOST.fullmatch(text):
        raise EnginesError(
            f"ELECTION_HOST is {text!r}, which is no host name or IPv4 address; "
            "write the one by which other machines reach this one, or unset it."
        )
    return text or None


def _port(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise EnginesError(f"{name} is {text!r}, which is no port; use 1 to 65535, or unset it.")
    return int(text)


@contextmanager
def locked(home: Home, report: Callable[[str], None]) -> Iterator[None]:
    """Make the home's folder and hold its lock, so that one command at a time starts or stops engines."""
    try:
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = home.lock_file.open("w")
    except OSError as error:
        raise EnginesError(
            f"The home {home.path} cannot be written to ({error.strerror}); "
            "mend its permissions, or name another folder in ELECTION_HOME."
        ) from error
    with lock:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        waiting = False
        while not _try_lock(lock.fileno()):
            if not waiting:
                report(f"Another command is starting or stopping the engines of {home.path}; waiting for it.")
                waiting = True
            if time.monotonic() > deadline:
                raise EnginesError(
                    f"Another command has held {home.lock_file} for {LOCK_TIMEOUT_SECONDS} s; "
                    "stop that command and try again."
                )
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
