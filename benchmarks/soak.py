"""A long election night with failures: `python -m benchmarks.soak` watches memory and lag, and recounts the log.

`election live` on engines of its own counts a synthetic election that comes in at a steady rate. In the first half the
run's worker is killed, Postgres is away for a minute, Kafka is away for a minute; the second half is undisturbed. Exit
code 1 where counting does not go on, the lag does not come back to zero, a process grows in the undisturbed rest, or
an independent recount of the log does not come to the ledger.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from benchmarks.results import RESULTS
from election_assets.counting import count_settings
from election_assets.domain.election import Election
from election_assets.domain.election_folder import write_election
from election_assets.domain.replay import ballot_count
from election_assets.domain.synthetic import generate_election
from election_assets.errors import ElectionError
from election_assets.settings import Settings
from election_assets.verifying import verify_election
from engines import stack
from engines.home import Home
from spark.figures import CountHealth, health_of

ELECTION = "soak"
OUTAGE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 10.0
_BACK_WITHIN_SECONDS = 300.0
_DRAINED_WITHIN_SECONDS = 300.0
# A JVM grows its heap, and caches fill, for a while; then the last quarter may not lie above the first by more.
_WARM_UP_SECONDS = 180.0
_LIVED_SECONDS = 420.0
_GROWTH_SHARE, _GROWTH_MIB = 0.15, 48.0
# Words of a command line, in the order in which they are looked for, and what the process is.
_KINDS = {
    "pyspark-shell": "count: JVM",
    "pyspark.daemon": "count: Python workers",
    "multiprocessing.spawn": "count and builds: run workers",
    "dagster_webserver": "webserver",
    "dagster._daemon": "daemon",
    "streamlit": "page",
    "grpc": "code server",
    "election_assets live": "election live, with the voters",
}


@dataclass(slots=True)
class Watch:
    """What was seen: memory that each process has for itself, in MiB, and the health of the count, by seconds."""

    started: float = field(default_factory=time.monotonic)
    memory: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)
    health: list[tuple[float, CountHealth]] = field(default_factory=list)

    def seconds(self) -> float:
        """Return how long it has been watched."""
        return time.monotonic() - self.started


@dataclass(frozen=True, slots=True)
class Night:
    """`election live` at work on engines of its own."""

    settings: Settings
    election: Election
    process: subprocess.Popen[bytes]
    watch: Watch

    def look(self) -> CountHealth | None:
        """Note memory and health; None while an engine is away."""
        if self.process.poll() is not None:
            raise SystemExit(f"`election live` ended with exit code {self.process.returncode}.")
        for kind, process in _processes(self):
            try:
                mib = process.memory_full_info().uss / 2**20
            except psutil.Error:
                continue
            self.watch.memory.setdefault((kind, process.pid), []).append((self.watch.seconds(), mib))
        try:
            health = health_of(count_settings(self.settings, ELECTION))
        except (ElectionError, psycopg.Error):
            return None
        self.watch.health.append((self.watch.seconds(), health))
        return health

    def watch_until(
        self,
        is_over: Callable[[CountHealth | None], bool],
        within_seconds: float,
        every_seconds: float = _LOOK_EVERY_SECONDS,
    ) -> CountHealth | None:
        """Look every few seconds until it is over; None where that takes too long."""
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            looked_at = time.monotonic()
            health = self.look()
            if is_over(health):
                return health
            time.sleep(max(0.0, looked_at + every_seconds - time.monotonic()))
        return None


@contextmanager
def night_of(election: Election, rate: float) -> Iterator[Night]:
    """Start engines and `election live` in a folder of their own; stop and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="election-soak-"))
    # Postgres runs as another user where this one is root, and must be able to reach its data.
    folder.chmod(0o755)
    write_election(election, folder / "elections" / ELECTION)
    environment = {**os.environ, "ELECTION_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "election_assets", "live", str(folder / "elections" / ELECTION)]
    try:
        with (folder / "live.log").open("wb") as log:
            process = subprocess.Popen([*command, "--rate", str(rate)], env=environment, stdout=log, stderr=log)
        try:
            yield Night(_settings_when_counting(folder / "home", process), election, process, Watch())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)
    finally:
        stack.down(Home(folder / "home"))
        shutil.rmtree(folder, ignore_errors=True)


def _settings_when_counting(home: Path, process: subprocess.Popen[bytes]) -> Settings:
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        try:
            settings = Settings.from_environment({"ELECTION_HOME": str(home)})
            if health_of(count_settings(settings, ELECTION)).position:
                return settings
        except (ElectionError, psycopg.Error):
            pass
        time.sleep(1)
    raise SystemExit(f"Nothing was counted: {(home.parent / 'live.log').read_text()}")


def _processes(night: Night) -> Iterator[tuple[str, psutil.Process]]:
    roots = [night.process.pid, *(one.pid for one in stack.status(Home(night.settings.home)) if one.pid)]
    for pid in roots:
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for one in family:
            try:
                yield _kind_of(one), one
            except psutil.Error:
                continue


def _kind_of(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    if process.name().startswith("postgres"):
        return "Postgres"
    return next((kind for words, kind in _KINDS.items() if words in command), "Kafka" if "kafka" in command else "rest")


def kill_worker(night: Night) -> None:
    """Kill the worker of the run that counts, with SIGKILL."""
    for kind, process in _processes(night):
        if kind == "count: JVM":
            worker = process.parent()
            if worker is not None:
                worker.kill()
                return
    raise SystemExit("No count is running that could be killed.")


def outage_of(engine: str) -> Callable[[Night], None]:
    """Return a failure: the engine is killed, stays away for a minute, and is started again."""

    def outage(night: Night) -> None:
        home = Home(night.settings.home)
        psutil.Process(next(one.pid for one in stack.status(home) if one.name == engine)).kill()
        night.watch_until(lambda _: False, OUTAGE_SECONDS)
        stack.up(home)

    return outage


FAILURES: dict[str, Callable[[Night], None]] = {
    "the worker of the count killed": kill_worker,
    "Postgres away for a minute": outage_of("postgres"),
    "Kafka away for a minute": outage_of("kafka"),
}


def growth(watch: Watch, settled: float) -> list[tuple[str, int, float, float, bool]]:
    """Return kind, pid, MiB in the first and the last quarter of the undisturbed rest, and whether that is flat.

    The rest begins some minutes after `settled`, in seconds; who lives too shortly in it is left out.
    """
    found = []
    for (kind, pid), seen in sorted(watch.memory.items()):
        start = max(settled, seen[0][0])
        warm = [mib for at, mib in seen if at - start > _WARM_UP_SECONDS]
        if seen[-1][0] - start < _LIVED_SECONDS:
            continue
        quarter = max(1, len(warm) // 4)
        first, last = statistics.median(warm[:quarter]), statistics.median(warm[-quarter:])
        found.append((kind, pid, first, last, last - first <= max(_GROWTH_SHARE * first, _GROWTH_MIB)))
    return found


def soak(night: Night, seconds: float) -> bool:
    """Watch a night of so many seconds with its failures; print what was seen; tell whether all of it is well."""
    recovered, total = True, ballot_count(night.election)
    for number, (title, failure) in enumerate(FAILURES.items(), 1):
        due = night.watch.started + seconds * number / (2 * len(FAILURES) + 2)
        night.watch_until(lambda _: False, due - time.monotonic())
        failure(night)
        gone = time.monotonic()
        before = night.look() or night.watch.health[-1][1]
        # A dying run may still commit a little, which is no sign of the next one.
        back = night.watch_until(_at(min(before.position + 2_000, total)), _BACK_WITHIN_SECONDS, every_seconds=1.0)
        recovered = recovered and back is not None
        print(
            f"{title}: counting again {time.monotonic() - gone:.0f} s after" if back else f"{title}: NOT counting again"
        )
    settled = night.watch.seconds()
    drained = night.watch_until(
        lambda health: health is not None and health.log_end == total and health.lag == 0,
        seconds + _DRAINED_WITHIN_SECONDS,
    )
    lags = [health.lag for _, health in night.watch.health]
    print(f"{night.watch.seconds() / 60:.1f} minutes; lag at the end {lags[-1]:,}, at most {max(lags):,} ballots")
    rates = [(health.batch_p50_ms, health.batch_p95_ms) for _, health in night.watch.health if health.batch_p50_ms]
    p50, p95 = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"batch p50 {p50:.0f} ms, p95 {p95:.0f} ms, each the median of what the last minute had")
    grown = growth(night.watch, settled)
    print(f"{'memory of its own, MiB':36} {'pid':>7} {'first':>8} {'last':>8}   (quarters of the undisturbed rest)")
    for kind, pid, first, last, flat in grown:
        print(f"{kind:36} {pid:7} {first:8,.0f} {last:8,.0f}   {'' if flat else 'GREW'}")
    started = time.monotonic()
    found = verify_election(night.settings, ELECTION)
    print(found.sentence(time.monotonic() - started))
    for check in found.checks:
        print(f"{check.name}: {check.first or f'{check.found} as expected'}")
    _keep(night.watch)
    return recovered and drained is not None and found.has_passed and all(flat for *_, flat in grown)


def _at(position: int) -> Callable[[CountHealth | None], bool]:
    return lambda health: health is not None and health.position >= position


def _keep(watch: Watch) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    seen = {
        "memory": [{"kind": kind, "pid": pid, "mib": mib} for (kind, pid), mib in watch.memory.items()],
        "health": [{"seconds": seconds, **asdict(health)} for seconds, health in watch.health],
    }
    (RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-soak.json").write_text(json.dumps(seen))


def main() -> None:
    """Read the command line and soak."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--voters", type=int, default=700_000)
    parser.add_argument("--rate", type=float, default=500, help="ballots a second")
    parser.add_argument("--minutes", type=float, default=21)
    given = parser.parse_args()
    seconds = given.minutes * 60
    election = generate_election(ELECTION, given.voters, turnout=min(1.0, given.rate * seconds / given.voters))
    print(f"{ballot_count(election):,} ballots of {given.voters:,} voters at {given.rate:g} a second", flush=True)
    with night_of(election, given.rate) as night:
        raise SystemExit(0 if soak(night, seconds) else 1)


if __name__ == "__main__":
    main()
