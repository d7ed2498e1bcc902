"""Spark: a standalone master and its workers, each a JVM from pyspark's own jars, on one address."""

import importlib.util
import json
import os
import signal
import time
import urllib.request
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from engines.endpoints import Endpoints
from engines.engine import START_TIMEOUT_SECONDS, Engine
from engines.errors import EnginesError
from engines.home import Home

_DEPLOY = "org.apache.spark.deploy"
_ASK_SECONDS = 2.0

# What one count gets: as many cores as the host has, and one on each worker at least.
_WORKERS = 3
_CORES = max(1, (os.cpu_count() or 1) // _WORKERS)
# A worker has room for so many counts at once: one for each open election.
_COUNTS_AT_ONCE = 4
_EXECUTOR_GIB = 1


class SparkServer(Engine):
    """A server of the Spark cluster, told apart by its class and its ports."""

    stop_signals = ((signal.SIGTERM, 15.0),)

    @property
    @abstractmethod
    def page_port(self) -> int:
        """The port of its page."""

    @property
    def logs(self) -> Sequence[Path]:
        """What the server said."""
        return (self.folder / "spark.log",)

    @property
    def environment(self) -> Mapping[str, str]:
        """Keep Spark, and its pages, to the home's address, and its scratch files in the home."""
        return {
            "SPARK_LOCAL_IP": self.endpoints.host,
            "SPARK_LOCAL_DIRS": str(self.folder / "scratch"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": " ".join(self.java_options()),
        }

    def java_options(self) -> list[str]:
        """Return the JVM's options, with Spark's own settings among them."""
        # They hand out work and do none: compiling quickly is all they need, and starts them sooner.
        return ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"]

    def prepare(self, report: Callable[[str], None]) -> None:
        """Make the folder; what a server of Spark knows it is told by its command."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.data.mkdir(exist_ok=True)

    def server_command(self, name: str, *arguments: str) -> Sequence[str]:
        """Return the command that is the server of this class; the script becomes the JVM."""
        places = ("--host", self.endpoints.host, "--port", str(self.port), "--webui-port", str(self.page_port))
        return [str(spark_program("spark-class")), f"{_DEPLOY}.{name}", *places, *arguments]


class SparkMaster(SparkServer):
    """The master: gives each count cores on workers. It keeps nothing; a count outlives its restart."""

    name = "spark-master"
    title = "Spark's master"

    @property
    def port(self) -> int:
        """The port of `spark://…`."""
        return int(self.endpoints.spark_master.rpartition(":")[2])

    @property
    def page_port(self) -> int:
        """The port of its page."""
        return self.endpoints.spark_master_page_port

    def java_options(self) -> list[str]:
        """Let a count have no more cores than the host, so that several can run at once; no other way to submit one."""
        settings = (f"-Dspark.deploy.defaultCores={_WORKERS * _CORES}", "-Dspark.master.rest.enabled=false")
        return [*super().java_options(), *settings]

    def command(self) -> Sequence[str]:
        """The master's JVM."""
        return self.server_command("master.Master")

    def is_ready(self) -> bool:
        """Tell whether this very master answers."""
        found = self.state()
        if found is not None and found["url"] != self.endpoints.spark_master:
            raise EnginesError(
                f"Another Spark master ({found['url']}) answers on {self.endpoints.host}:{self.page_port}; stop it, "
                f"or change ELECTION_SPARK_MASTER_PAGE_PORT in {self.home.env_file}."
            )
        return found is not None and found["status"] == "ALIVE"

    def state(self) -> dict[str, Any] | None:
        """Return what the master knows of its workers and counts; None where it does not answer."""
        try:
            page = f"http://{self.endpoints.host}:{self.page_port}/json/"
            with urllib.request.urlopen(page, timeout=_ASK_SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
        except (OSError, ValueError):
            return None
        return found


class SparkWorker(SparkServer):
    """A worker: runs a count's executors, whose logs are in its data folder for a day."""

    # A worker whose master was away asks it again every 10 s or so, and after a minute every minute.
    answer_seconds = 120.0

    def __init__(self, home: Home, endpoints: Endpoints, number: int) -> None:
        super().__init__(home, endpoints)
        self.number = number
        self.name = f"spark-worker-{number}"
        self.title = f"Spark's worker {number}"
        self._master = SparkMaster(home, endpoints)

    @property
    def port(self) -> int:
        """The port on which the master reaches it."""
        return self.endpoints.spark_worker_ports[self.number - 1]

    @property
    def page_port(self) -> int:
        """The port of its page."""
        return self.endpoints.spark_worker_page_ports[self.number - 1]

    def java_options(self) -> list[str]:
        """Remove what ended counts left after a day."""
        cleanup = "-Dspark.worker.cleanup"
        return [*super().java_options(), f"{cleanup}.enabled=true", f"{cleanup}.appDataTtl=86400"]

    def command(self) -> Sequence[str]:
        """The worker's JVM. Its cores are places for tasks, and its memory what executors may ask for."""
        cores = ("--cores", str(_CORES * _COUNTS_AT_ONCE), "--memory", f"{_EXECUTOR_GIB * _COUNTS_AT_ONCE}g")
        return self.server_command("worker.Worker", *cores, "--work-dir", str(self.data), self.endpoints.spark_master)

    def start(self, report: Callable[[str], None], cancelled: Event) -> None:
        """Start the worker once the master answers: else it would wait for 10 s and more before it asks again."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._master.is_ready() and time.monotonic() < deadline:
            if cancelled.wait(0.2):
                return
        super().start(report, cancelled)

    def is_ready(self) -> bool:
        """Tell whether the master has it among its workers, alive."""
        known = (self._master.state() or {"workers": []})["workers"]
        return any(worker["port"] == self.port and worker["state"] == "ALIVE" for worker in known)


def spark_program(name: str) -> Path:
    """Return a program of pyspark's, without importing pyspark."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise EnginesError("pyspark is not installed; run `make setup`.")
    return Path(spec.origin).parent / "bin" / name
