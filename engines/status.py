"""How the engines of a home stand: running, stopped, or dead without anybody having stopped them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.endpoints import Endpoints, known_endpoints
from engines.engine import Engine
from engines.home import Home
from engines.kafka import Kafka
from engines.ports import LOOPBACK
from engines.postgres import Postgres
from engines.processes import recorded


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine as it was found; `remedy` is a sentence where something is wrong, empty otherwise."""

    name: str
    state: Literal["running", "stopped", "dead"]
    pid: int | None
    address: str
    data: Path
    remedy: str


def engines_of(home: Home, endpoints: Endpoints) -> list[Engine]:
    """List the engines of a home, running or not."""
    return [Postgres(home, endpoints), Kafka(home, endpoints)]


def status(home: Home) -> list[EngineStatus]:
    """Say for each engine of the home how it stands; nothing is started, changed or waited for."""
    endpoints = known_endpoints(home)
    return [_status_of(engine, known=endpoints is not None) for engine in engines_of(home, endpoints or Endpoints({}))]


def _status_of(engine: Engine, *, known: bool) -> EngineStatus:
    address = f"{LOOPBACK}:{engine.port}" if known else ""
    if (process := engine.process()) is not None:
        return EngineStatus(engine.name, "running", process.pid, address, engine.data, "")
    died = recorded(engine.pid_file)
    if died is None:
        return EngineStatus(engine.name, "stopped", None, address, engine.data, "")
    remedy = (
        f"{engine.title} (pid {died.pid}) is gone though nobody stopped it; run `election up`, which starts "
        f"it again with its data. Its log: {engine.logs[-1]}."
    )
    return EngineStatus(engine.name, "dead", died.pid, address, engine.data, remedy)
