"""Child processes of a command: each leads a group of its own, and none outlives the command."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# Dagster takes 3 s to stop its servers; its runs are left, and can be killed at any point.
_STOP_SECONDS = 20
_LAST_WORDS = 8


@dataclass(slots=True)
class Child:
    """A server that was started: where it listens, and the file that has its output."""

    title: str
    command: Sequence[str]
    port: int | None
    log: Path
    process: subprocess.Popen[bytes]
    environ: Mapping[str, str] = field(repr=False)
    groups: list[int] = field(default_factory=list)
    launched_at: float = field(default_factory=time.monotonic)

    def ended(self) -> str | None:
        """Return a sentence with its last words where it has ended, None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LAST_WORDS:]
        return "\n  ".join((f"{self.title} ended with exit code {code}. Its log is {self.log}; it said last:", *said))

    def start_again(self) -> None:
        """Start it anew after its end; what it had started lives on, and is stopped with it."""
        self.groups.append(self.process.pid)
        self.process, self.launched_at = _launched(self.command, self.environ, self.log, "ab"), time.monotonic()


def _launched(command: Sequence[str], environ: Mapping[str, str], log: Path, mode: str) -> subprocess.Popen[bytes]:
    with log.open(mode) as output:
        # In a session of its own: Ctrl-C reaches the command alone, which then stops its children in order.
        return subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextmanager
def started(
    title: str, command: Sequence[str], port: int | None, environ: Mapping[str, str], log: Path
) -> Iterator[Child]:
    """Start a server, its output in `log`; stop it and all its children at the end."""
    child = Child(title, command, port, log, _launched(command, environ, log, "wb"), environ)
    try:
        yield child
    finally:
        _stop(child)


def _stop(child: Child) -> None:
    """Ask the leader to end, as Ctrl-C would, and kill what is left of its groups."""
    process = child.process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for group in (*child.groups, process.pid):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Note SIGINT, SIGTERM and SIGHUP instead of dying of them; what it yields tells whether one came."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
