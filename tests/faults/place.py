"""The place where histories happen: engines of their own that may be harmed, wires to them, clocks, and a disk."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from election_assets.dbt import build_marts
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from engines.kafka import Kafka
from engines.ports import LOOPBACK, free_port
from tests.faults.clocks import Clocks, clocks
from tests.faults.proxy import Acknowledgements, Commits, Proxy
from tests.support.disks import MIB, Disk, small_disk

SPARK = {"ELECTION_SPARK_MASTER": "local[2]"}
# Engines start where 2 GiB are free. What is not written takes no memory.
DISK_BYTES = 4096 * MIB


@dataclass(frozen=True)
class Place:
    """A home with engines; beside it, where no fault reaches, the backups of its Postgres."""

    settings: Settings
    folder: Path
    broker_wire: Proxy
    postgres_wire: Proxy
    clocks: Clocks
    disk: Disk

    @property
    def home(self) -> Home:
        """The home."""
        return Home(self.settings.home)

    @property
    def wired(self) -> Mapping[str, str]:
        """The variables of a process that reaches the engines by the wires."""
        return {
            **SPARK,
            "ELECTION_HOME": str(self.settings.home),
            "ELECTION_POSTGRES_PORT": str(self.postgres_wire.port),
            "ELECTION_KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self.broker_wire.port}",
        }

    def up(self) -> None:
        """Start the engines that are down."""
        stack.up(self.home)

    def back_up(self, name: str) -> None:
        """Make a backup of Postgres, in place of an earlier one of that name."""
        stack.down(self.home)
        shutil.rmtree(self._backup(name), ignore_errors=True)
        put(self._data, self._backup(name))
        self.up()

    def put_back(self, name: str) -> None:
        """Put a backup in the place of what Postgres has, which is down."""
        shutil.rmtree(self._data)
        put(self._backup(name), self._data)

    @property
    def _data(self) -> Path:
        return self.settings.home / "postgres" / "data"

    def _backup(self, name: str) -> Path:
        return self.folder / "backups" / name


@contextmanager
def place_of_faults() -> Iterator[Place]:
    """Start the engines, make schema and marts, and keep a backup from before any election; nothing is left."""
    folder = Path(tempfile.mkdtemp(prefix="election-faults-"))
    folder.chmod(0o755)
    with ExitStack() as leaving:
        leaving.callback(shutil.rmtree, folder, ignore_errors=True)
        disk = leaving.enter_context(small_disk(folder / "disk", DISK_BYTES))
        home = Home(disk.folder / "home")
        listener = free_port(set())
        broker_wire = leaving.enter_context(Proxy((LOOPBACK, listener), Acknowledgements).open())
        leaving.enter_context(second_listener(listener, broker_wire.port))
        hands = leaving.enter_context(clocks(folder / "clocks"))
        leaving.callback(stack.down, home)
        stack.up(home)
        settings = Settings.from_environment({"ELECTION_HOME": str(home.path), **SPARK})
        install_schema(settings.conninfo("owner"))
        build_marts(settings)
        target = (settings.postgres_host, settings.postgres_port)
        postgres_wire = leaving.enter_context(Proxy(target, Commits).open())
        made = Place(settings, folder, broker_wire, postgres_wire, hands, disk)
        made.back_up("before opening")
        yield made


@contextmanager
def second_listener(port: int, advertised: int) -> Iterator[None]:
    """Let brokers that are started meanwhile listen on another port too, and send who comes there to a third one."""
    more = {
        "listeners": f"WIRE://{LOOPBACK}:{port}",
        "advertised.listeners": f"WIRE://{LOOPBACK}:{advertised}",
        "listener.security.protocol.map": "WIRE:PLAINTEXT",
    }
    plain = Kafka.configuration

    def configuration(kafka: Kafka, data: str) -> str:
        lines = plain(kafka, data).splitlines()
        named = [(line, line.partition("=")[0]) for line in lines]
        return "\n".join(f"{line},{more[name]}" if name in more else line for line, name in named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Kafka, "configuration", configuration)
        yield


def put(source: Path, target: Path) -> None:
    """Copy a database's files, with their owner, of a server that is down."""
    shutil.copytree(source, target, symlinks=True, copy_function=_copied_with_owner)
    for folder in (source, *(one for one in source.rglob("*") if one.is_dir())):
        _owned_alike(folder, target / folder.relative_to(source))


def _copied_with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target)
    _owned_alike(Path(source), Path(target))


def _owned_alike(source: Path, target: Path) -> None:
    there = source.stat()
    shutil.chown(target, there.st_uid, there.st_gid)
    target.chmod(there.st_mode)
