"""The doctor: everything that keeps the engines from starting, found before they are started."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engines.endpoints import Endpoints, known_endpoints
from engines.engine import Engine
from engines.errors import EnginesError
from engines.home import Home
from engines.jars import PROJECTS, jar_paths
from engines.java import find_java
from engines.ports import can_listen, is_taken
from engines.size import Size, remembered_size
from engines.status import EngineStatus, engines_of, status

GIB = 1024**3
NEEDED_DISK_BYTES = 2 * GIB
# Postgres 0.4, Kafka 0.4, Spark's JVM and workers 2, the rest of the machine 1. In a cluster Kafka 1.2,
# Spark's master and workers 1, its driver 1, three executors with their Python 3.
NEEDED_MEMORY_BYTES = {Size.LAPTOP: 4 * GIB, Size.CLUSTER: 8 * GIB}
SUPPORTED_PYTHON = ((3, 11), (3, 13))

_REMOTE_FILE_SYSTEMS = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "vboxsf",
    "drvfs",
    "ceph",
    "glusterfs",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; where `ok` is false the sentence says what would mend it."""

    name: str
    ok: bool
    sentence: str


def diagnose(home: Home) -> list[Finding]:
    """Look at everything the engines need and say how it is; nothing is changed."""
    return [
        python_version(),
        java(),
        *(jars(name) for name in PROJECTS),
        home_folder(home),
        disk(home),
        memory(NEEDED_MEMORY_BYTES[remembered_size(home) or Size.LAPTOP]),
        address(home),
        *ports(home),
        *(_engine(found) for found in status(home)),
    ]


def preflight(home: Home) -> None:
    """Raise EnginesError with the first thing that would keep a stopped engine of the home from starting."""
    if all(found.state == "running" for found in status(home)):
        return
    for finding in _needed_to_start(home):
        if not finding.ok:
            raise EnginesError(finding.sentence)


def _needed_to_start(home: Home) -> Iterator[Finding]:
    yield java()
    yield from (jars(name) for name in ("kafka", "log4j-slf4j-impl"))
    yield home_folder(home)
    yield disk(home)
    yield address(home)
    yield from ports(home)


def python_version() -> Finding:
    """Look at the Python that runs this."""
    version = sys.version_info[:2]
    oldest, newest = (".".join(map(str, bound)) for bound in SUPPORTED_PYTHON)
    found = platform.python_version()
    if SUPPORTED_PYTHON[0] <= version <= SUPPORTED_PYTHON[1]:
        return Finding("python", True, f"Python is {found}.")
    return Finding(
        "python",
        False,
        f"Python is {found}, and {oldest} to {newest} is supported; make `.venv` anew with one of these.",
    )


def java() -> Finding:
    """Look for a Java that is new enough."""
    try:
        return Finding("java", True, f"Java is {find_java(os.environ)}.")
    except EnginesError as error:
        return Finding("java", False, str(error))


def jars(name: str) -> Finding:
    """Look whether a set of jars is where it should be."""
    try:
        return Finding(f"jars/{name}", True, f"All {len(jar_paths(name))} {name} jars are there.")
    except EnginesError as error:
        return Finding(f"jars/{name}", False, str(error))


def home_folder(home: Home) -> Finding:
    """Look whether the home can be written to and lies on a disk of this machine."""
    existing = _existing(home.path)
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Finding(
            "home",
            False,
            f"{existing} cannot be written to, and the home {home.path} is to be there; "
            "mend its permissions, or name another folder in ELECTION_HOME.",
        )
    kind = _file_system(existing)
    if kind in _REMOTE_FILE_SYSTEMS:
        return Finding(
            "home",
            False,
            f"The home {home.path} lies on a file system of kind {kind}, on which databases lose data; "
            "name a folder on a local disk in ELECTION_HOME.",
        )
    return Finding("home", True, f"The home is {home.path}.")


def disk(home: Home, needed: int = NEEDED_DISK_BYTES) -> Finding:
    """Look at the space left where the home is, or will be."""
    free = shutil.disk_usage(_existing(home.path)).free
    if free >= needed:
        return Finding("disk", True, f"{free / GIB:.1f} GiB are free at {home.path}.")
    return Finding(
        "disk",
        False,
        f"Only {free / GIB:.1f} GiB are free at {home.path}, and {needed / GIB:.0f} GiB are needed; "
        "free some, or name a folder on another disk in ELECTION_HOME.",
    )


def memory(needed: int) -> Finding:
    """Look at the machine's memory."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size >= needed:
        return Finding("memory", True, f"The machine has {size / GIB:.1f} GiB of memory.")
    return Finding(
        "memory",
        False,
        f"The machine has {size / GIB:.1f} GiB of memory, and {needed / GIB:.0f} GiB are needed for "
        "Postgres, Kafka and Spark together; close other programs, or count fewer ballots at a time.",
    )


def address(home: Home) -> Finding:
    """Look whether the engines can listen where they are to be found."""
    host = home.host or (known_endpoints(home) or Endpoints({})).host
    if can_listen(host):
        return Finding("address", True, f"The engines' address is {host}.")
    return Finding(
        "address",
        False,
        f"The engines are to listen on {host}, which is no address of this machine; "
        "set ELECTION_HOST to one that is: 127.0.0.1 is seen by this machine alone.",
    )


def ports(home: Home) -> list[Finding]:
    """Look whether another program sits on a port that a stopped engine of the home is to have."""
    known = known_endpoints(home)
    engines = engines_of(home, known or Endpoints({}))
    return [_port(engine, engine.fixed_port or (engine.port if known else None)) for engine in engines]


def _port(engine: Engine, port: int | None) -> Finding:
    name, title = f"port/{engine.name}", engine.title
    if engine.process() is not None:
        return Finding(name, True, f"{title} has {engine.address}.")
    if port is None:
        return Finding(name, True, f"{title} gets a free port when it first starts.")
    host = engine.home.host or engine.endpoints.host
    if is_taken(port, host):
        elsewhere = (
            f"set {engine.port_setting} to" if engine.port_setting else f"change it in {engine.home.env_file} to"
        )
        return Finding(
            name,
            False,
            f"Port {host}:{port}, which {title} is to have, is taken by another program; "
            f"stop that program, or {elsewhere} a free port.",
        )
    return Finding(name, True, f"Port {port} is free for {title}.")


def _engine(found: EngineStatus) -> Finding:
    if found.state == "dead":
        return Finding(found.name, False, found.remedy)
    where = f" on {found.address} (pid {found.pid})" if found.state == "running" else ""
    return Finding(found.name, True, f"{found.name.title()} is {found.state}{where}.")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _file_system(path: Path) -> str:
    """Name the kind of file system `path` is on, as Linux does; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    resolved, best, kind = path.resolve(), -1, ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, mounted, *_ = line.split(" ")
        folder = Path(point.encode().decode("unicode_escape"))
        # A later mount on the same point hides the earlier one.
        if resolved.is_relative_to(folder) and len(folder.parts) >= best:
            best, kind = len(folder.parts), mounted
    return kind
