"""Processes that outlive the command that started them, and how a later command finds them again.

A pid alone is not enough: after a reboot the same number may be somebody else's. So a pid file
holds the pid and the moment that process started.
"""

import os
import platform
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Nothing else of the starter's environment reaches an engine: no secret, no stray PG* or KAFKA_*.
_INHERITED = ("PATH", "HOME", "TZ", "TMPDIR", "JAVA_HOME", "JAVA_TOOL_OPTIONS", "LD_LIBRARY_PATH")

_LARGEST_OUTPUT_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this machine, for all time: `started` differs when the pid is used again."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        """Tell whether this very process still runs."""
        return started_at(self.pid) == self.started


def started_at(pid: int) -> str | None:
    """Say when `pid` started, as text to compare; None where it is gone or a zombie."""
    if platform.system() == "Linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name in parentheses may hold spaces; state is the 3rd field, start time the 22nd (proc(5)).
        fields = stat.rpartition(")")[2].split()
        # Ticks count from the boot, so the boot is part of the moment.
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    answer = _ps(pid, "stat=,lstart=").split(maxsplit=1)
    return None if len(answer) < 2 or answer[0].startswith("Z") else " ".join(answer[1].split())


def pid_in_use(pid: int) -> bool:
    """Tell whether `pid` belongs to anything at all, be it another program or a zombie nobody buries."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """Return the command line of `pid`, its words joined by spaces; empty where it is gone."""
    if platform.system() == "Linux":
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return os.fsdecode(words.replace(b"\0", b" ")).strip()
    return _ps(pid, "command=").strip()


def _ps(pid: int, columns: str) -> str:
    return subprocess.run(
        ["ps", "-ww", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def recorded(pid_file: Path) -> Process | None:
    """Read a pid file; None where there is none or it was cut short."""
    try:
        pid, _, started = pid_file.read_text(encoding="utf-8").strip().partition(" ")
    except FileNotFoundError:
        return None
    return Process(int(pid), started) if pid.isdigit() and started else None


def record(pid_file: Path, process: Process) -> None:
    """Write a pid file in one step."""
    temporary = pid_file.with_suffix(".new")
    temporary.write_text(f"{process.pid} {process.started}\n", encoding="utf-8")
    os.replace(temporary, pid_file)


def launch(
    command: Sequence[str],
    folder: Path,
    output: Path,
    user: pwd.struct_passwd | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process | None:
    """Start `command` in `folder` as nobody's child, in a session of its own, writing to `output`.

    None where it ended before it could be looked at. With `user` it runs as that one. It finds
    `environment` beside what every engine does.
    """
    if output.exists() and output.stat().st_size > _LARGEST_OUTPUT_BYTES:
        os.replace(output, output.with_name(output.name + ".1"))
    # The shell goes away at once, so the engine is no zombie of a long-lived starter when it dies.
    detach = ["/bin/sh", "-c", '"$@" 1>&2 & echo $!', "sh", *command]
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        answer = subprocess.run(
            detach,
            cwd=folder,
            env={**_surroundings(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            check=True,
            **_as_user(user),
        )
    pid = int(answer.stdout)
    started = started_at(pid)
    return None if started is None else Process(pid, started)


def run_tool(
    command: Sequence[str], folder: Path, user: pwd.struct_passwd | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end in the surroundings an engine has, Ctrl-C kept from it."""
    return subprocess.run(
        command,
        cwd=folder,
        env=_surroundings(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
        **_as_user(user),
    )


def _surroundings() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # In the plain C locale Java cannot open a folder whose name is not ASCII.
    return {**inherited, "LC_ALL": "C.UTF-8"}


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def stop(process: Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds for the process to end; then kill it."""
    for number, seconds in (*signals, (signal.SIGKILL, 10.0)):
        if not process.is_alive():
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
