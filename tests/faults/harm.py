"""What is done to processes: they stand still, or find no space for their files."""

import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def limit_files(processes: Iterable[psutil.Process], size: int | str) -> None:
    """Let no file of these processes grow beyond a size in bytes."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            # By the process's own user: not even root may limit another's everywhere.
            command = ["prlimit", "--pid", str(one.pid), f"--fsize={size}:"]
            subprocess.run(command, user=one.uids().real, group=one.gids().real, check=False, capture_output=True)
            assert not one.is_running() or one.status() == psutil.STATUS_ZOMBIE or limit_of(one) == str(size)


def limit_of(process: psutil.Process) -> str:
    """Return the size beyond which no file of a process may grow."""
    limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max file size")).split()[3]


def stopped(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Let processes stand still for a while."""
    processes = list(processes)
    each(processes, psutil.Process.suspend)
    time.sleep(seconds)
    each(processes, psutil.Process.resume)


def each(processes: Iterable[psutil.Process], action: Callable[[psutil.Process], object]) -> None:
    """Do it to every process that is still there."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            action(one)
