"""How the engines of a home stand: running, stopped, or dead without anybody having stopped them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engines.endpoints import Endpoints, known_endpoints
from engines.engine import Engine
from engines.errors import EnginesError
from engines.home import Home
from engines.kafka import Kafka
from engines.postgres import Postgres
from engines.processes import recorded
from engines.size import Size, remembered_size
from engines.spark import SparkMaster, SparkWorker


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine as it was found; `remedy` is a sentence where something is wrong, empty otherwise.

    `health` is empty where the engine does not run, or was not asked.
    """

    name: str
    state: Literal["running", "stopped", "dead"]
    pid: int | None
    address: str
    data: Path
    remedy: str
    health: Literal["", "healthy", "silent"] = ""


def engines_of(home: Home, endpoints: Endpoints) -> list[Engine]:
    """List the engines of a home, running or not."""
    size = remembered_size(home) or Size.LAPTOP
    nodes = size.kafka_nodes
    engines: list[Engine] = [Postgres(home, endpoints)]
    engines += [Kafka(home, endpoints, node, nodes) for node in range(1, nodes + 1)]
    if size.spark_workers:
        workers = len(endpoints.spark_worker_ports) or size.spark_workers
        engines.append(SparkMaster(home, endpoints))
        engines += [SparkWorker(home, endpoints, number) for number in range(1, workers + 1)]
    return engines


def status(home: Home) -> list[EngineStatus]:
    """Say for each engine of the home how it stands; nothing is started, changed or waited for."""
    endpoints = known_endpoints(home)
    return [_status_of(engine, known=endpoints is not None) for engine in engines_of(home, endpoints or Endpoints({}))]


def health(home: Home) -> list[EngineStatus]:
    """Say how the engines stand as `status` does, and ask each that runs whether it serves its clients."""
    found = status(home)
    engines = engines_of(home, known_endpoints(home) or Endpoints({}))
    with ThreadPoolExecutor(max_workers=len(engines)) as pool:
        return list(pool.map(_asked, engines, found))


def _asked(engine: Engine, found: EngineStatus) -> EngineStatus:
    if found.state != "running":
        return found
    try:
        if engine.is_ready():
            return replace(found, health="healthy")
        remedy = f"{engine.title} runs but does not serve its clients (yet). Its log: {engine.logs[-1]}."
    except EnginesError as error:
        remedy = str(error)
    return replace(found, health="silent", remedy=remedy)


def _status_of(engine: Engine, *, known: bool) -> EngineStatus:
    address = engine.address if known else ""
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
