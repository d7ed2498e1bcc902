"""What every engine has in common: how one is started once, found again, stopped and explained."""

import pwd
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engines.endpoints import Endpoints
from engines.errors import EnginesError
from engines.home import Home
from engines.processes import Process, launch, record, recorded, stop

# Crash recovery of a large log takes minutes; an engine that dies is noticed at once, whatever this says.
START_TIMEOUT_SECONDS = 300.0
ANSWER_TIMEOUT_SECONDS = 30.0
_LAST_WORDS = 6


class Engine(ABC):
    """One server of a home: a folder, a process in a pid file, an address."""

    name: str
    title: str
    stop_signals: Sequence[tuple[signal.Signals, float]]
    # How long one that runs already may take to answer.
    answer_seconds = ANSWER_TIMEOUT_SECONDS

    def __init__(self, home: Home, endpoints: Endpoints) -> None:
        self.home = home
        self.endpoints = endpoints
        self._log_sizes: dict[Path, int] = {}

    @property
    def folder(self) -> Path:
        """Everything of this engine: data, configuration, logs."""
        return self.home.path / self.name

    @property
    def data(self) -> Path:
        """What must not be lost."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        """Who runs this engine; there from a start to the next clean stop."""
        return self.home.path / f"{self.name}.pid"

    @property
    @abstractmethod
    def port(self) -> int:
        """The port its clients use."""

    @property
    def address(self) -> str:
        """Where its clients find it."""
        return f"{self.endpoints.host}:{self.port}"

    @property
    def fixed_port(self) -> int | None:
        """The port that a setting says it must have."""
        return None

    @property
    def port_setting(self) -> str | None:
        """The setting that fixes its port; None where there is no such setting."""
        return None

    @property
    def environment(self) -> Mapping[str, str]:
        """What it finds in its environment beside what every engine does."""
        return {}

    @property
    @abstractmethod
    def logs(self) -> Sequence[Path]:
        """Its log files; the last one is where it speaks last."""

    @property
    def output(self) -> Path:
        """Where its standard output goes."""
        return self.logs[0]

    @property
    def user(self) -> pwd.struct_passwd | None:
        """The user it must run as; None for the one who starts it."""
        return None

    @abstractmethod
    def prepare(self, report: Callable[[str], None]) -> None:
        """Make data and configuration what the next start needs; the engine is not running."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command that is the engine."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether a client is served, by being one."""

    def process(self) -> Process | None:
        """Return the running process; None where it is stopped or died."""
        known = recorded(self.pid_file)
        return known if known is not None and known.is_alive() else None

    def start(self, report: Callable[[str], None], cancelled: threading.Event) -> None:
        """Start the engine unless it runs, and wait until it answers; an error quotes its last words."""
        began = time.monotonic()
        process = self.process()
        # One that was killed a moment ago can still be seen, and is started again once it is gone.
        if process and self.await_answer(process, self.answer_seconds, cancelled):
            report(f"{self.title} runs already on {self.address} (pid {process.pid}).")
            return
        self.prepare(report)
        if cancelled.is_set():
            return
        process = self.launched(cancelled)
        if not cancelled.is_set():
            took = time.monotonic() - began
            report(f"{self.title} is ready on {self.address} (pid {process.pid}) after {took:.1f} s.")

    def launched(self, cancelled: threading.Event) -> Process:
        """Start the process, record it, and wait until it answers."""
        self._log_sizes = {log: log.stat().st_size for log in self.logs if log.exists()}
        process = launch(self.command(), self.folder, self.output, self.user, self.environment)
        if process is None:
            raise EnginesError(f"{self.title} ended as soon as it was started. {self.last_words()}")
        record(self.pid_file, process)
        if not self.await_answer(process, START_TIMEOUT_SECONDS, cancelled):
            raise EnginesError(f"{self.title} ended while it was starting. {self.last_words()}")
        return process

    def await_answer(self, process: Process, seconds: float, cancelled: threading.Event) -> bool:
        """Wait until the engine answers, False where it ends; raise EnginesError where it is silent for `seconds`."""
        deadline = time.monotonic() + seconds
        while not cancelled.is_set() and not self.is_ready():
            if not process.is_alive():
                return False
            if time.monotonic() > deadline:
                raise EnginesError(
                    f"{self.title} (pid {process.pid}) runs but has not answered on "
                    f"{self.address} for {seconds:.0f} s; run `election down`, then "
                    f"`election up`. {self.last_words()}"
                )
            cancelled.wait(0.05)
        return True

    def stop(self) -> bool:
        """Stop the engine cleanly, or by force when it does not go; tell whether it was running."""
        process = self.process()
        if process is not None:
            stop(process, self.stop_signals)
            if process.is_alive():
                raise EnginesError(
                    f"{self.title} (pid {process.pid}) does not end, not even when killed; "
                    f"see what it waits for with `ps -o stat,wchan -p {process.pid}`."
                )
        self.pid_file.unlink(missing_ok=True)
        return process is not None

    def last_words(self) -> str:
        """Quote the end of what the engine logged since this start."""
        logged = "".join(_tail(log, self._log_sizes.get(log, 0)) for log in self.logs if log.exists())
        return f"Its log is {self.logs[-1]}. {last_words(logged)}"


def last_words(said: str) -> str:
    """Quote the end of what a server or tool said, without stack frames and what is no complaint."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("\tat ", "\t... "))]
    if not lines:
        return "It said nothing."
    telling = [line for line in lines if " INFO " not in line] or lines
    return "\n  ".join(("Its last words:", *telling[-_LAST_WORDS:]))


def _tail(log: Path, start: int) -> str:
    size = log.stat().st_size
    with log.open("rb") as file:
        # A log shorter than it was has been rolled, and is new from its first byte.
        file.seek(max(start if start <= size else 0, size - 16_384))
        return file.read().decode("utf-8", errors="replace")
