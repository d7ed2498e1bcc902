"""CPU seconds and memory by kind of process, watched from outside while something runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_EVERY_SECONDS = 0.2
# What a process shares with others is divided among them; to ask for that takes milliseconds for a JVM.
_MEMORY_EVERY_LOOKS = 5


@dataclass(slots=True)
class Usage:
    """CPU seconds used while watching, and the largest sum of MiB (PSS: shared pages are divided), by kind."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)

    def figures(self, ballots: int) -> dict[str, float]:
        """Return CPU µs per ballot and peak MiB, each by kind and in all."""
        cpu = {kind: seconds / ballots * 1e6 for kind, seconds in sorted(self.cpu_seconds.items())}
        return {
            "CPU µs/ballot": sum(cpu.values()),
            **{f"CPU µs/ballot: {kind}": value for kind, value in cpu.items()},
            "peak MiB": sum(self.peak_mib.values()),
            **{f"peak MiB: {kind}": mib for kind, mib in sorted(self.peak_mib.items())},
        }


@contextmanager
def watched(roots: dict[str, int]) -> Iterator[Usage]:
    """Watch processes and their descendants; `roots` are kind → pid. Spark's JVM and workers get kinds of their own."""
    usage = Usage()
    first: dict[tuple[int, float], float] = {}
    last: dict[tuple[int, float], tuple[str, float]] = {}
    done = threading.Event()

    def look(is_start: bool = False, asks_memory: bool = True) -> None:
        memory: dict[str, float] = {}
        for kind, process in _processes(roots):
            try:
                times = process.cpu_times()
                mib = process.memory_full_info().pss / 2**20 if asks_memory else 0.0
                identity = (process.pid, process.create_time())
            except psutil.NoSuchProcess:
                continue
            seconds = times.user + times.system
            first.setdefault(identity, seconds if is_start else 0.0)
            last[identity] = (kind, seconds)
            memory[kind] = memory.get(kind, 0.0) + mib
        for kind, mib in memory.items():
            usage.peak_mib[kind] = max(usage.peak_mib.get(kind, 0.0), mib)

    def watch() -> None:
        looks = 0
        while not done.wait(_EVERY_SECONDS):
            looks += 1
            look(asks_memory=looks % _MEMORY_EVERY_LOOKS == 0)

    look(is_start=True)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        look()
        done.set()
        thread.join()
        for identity, (kind, seconds) in last.items():
            usage.cpu_seconds[kind] = usage.cpu_seconds.get(kind, 0.0) + seconds - first[identity]


def _processes(roots: dict[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    for kind, pid in roots.items():
        try:
            root = psutil.Process(pid)
            yield kind, root
            for child in root.children(recursive=True):
                yield _kind_of(kind, child), child
        except psutil.NoSuchProcess:
            continue


def _kind_of(root_kind: str, process: psutil.Process) -> str:
    if root_kind != "count":
        return root_kind
    try:
        return "count: JVM" if "java" in process.name() else "count: Python workers"
    except psutil.NoSuchProcess:
        return root_kind
