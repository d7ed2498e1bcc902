"""The endpoint: figures read again every few seconds in the background, and handed out to whoever scrapes.

So no number of scrapers loads the database, and none waits for an engine that is away or stopped.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import psycopg
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from election_assets.errors import ElectionError, PermanentError
from election_assets.metrics.families import Reading, families
from election_assets.metrics.reading import UncountedFigures, read_elections, read_log_ends, read_uncounted
from election_assets.settings import Settings

_PAUSE_SECONDS = 5.0
# Reasons are read again after so many times what they took, so that a flood of bad messages is no second load.
_REASONS_PAUSES = 20
# A reading takes 21 s at most, unless an engine is stopped in the middle of it: what was read before is then too old.
_FRESH_SECONDS = 30.0

Answer = TypeVar("Answer")


class Watch(Collector):
    """Reads again and again while it is entered; what is collected is the last reading, or that there is none."""

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        self._settings = settings
        self._conninfo = settings.conninfo("reader")
        self._report = report
        self._reading = Reading()
        self._away: set[str] = set()
        self._reasons_due_at = 0.0
        self._ended_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="metrics", daemon=True)

    def __enter__(self) -> "Watch":
        self.read()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the last reading."""
        reading = self._reading
        if time.monotonic() - self._ended_at > _FRESH_SECONDS:
            reading = replace(reading, elections=None, uncounted=(), log_ends=None)
        return families(reading)

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without samples."""
        return families(Reading())

    def read(self) -> None:
        """Read the marts, then the logs: what comes meanwhile can only make the lag larger, never negative.

        An engine that is away is an ordinary answer here.
        """
        errors, read_at = dict(self._reading.errors), self._reading.read_at
        uncounted: tuple[UncountedFigures, ...] = ()
        ends = None
        elections = self._asked("postgres", partial(read_elections, self._conninfo), errors)
        if elections is not None:
            read_at = time.time()
            uncounted = self._reasons(errors)
            ends = self._asked("kafka", partial(read_log_ends, self._settings, elections), errors)
        self._reading = Reading(elections, uncounted, ends, read_at, errors)
        self._ended_at = time.monotonic()

    def _reasons(self, errors: dict[str, int]) -> tuple[UncountedFigures, ...]:
        """Return why messages are not counted: as before, where it would be too early to ask again."""
        began = time.monotonic()
        if began < self._reasons_due_at:
            return self._reading.uncounted
        found = self._asked("postgres", partial(read_uncounted, self._conninfo), errors)
        ended = time.monotonic()
        self._reasons_due_at = ended + _REASONS_PAUSES * (ended - began)
        return found or ()

    def _go_on(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            self.read()

    def _asked(self, source: str, question: Callable[[], Answer], errors: dict[str, int]) -> Answer | None:
        """Return the answer; None where there is none, which is counted, and told when it begins and ends."""
        try:
            answer = question()
        except (psycopg.Error, ElectionError) as error:
            errors[source] += 1
            if source not in self._away:
                self._away.add(source)
                self._report(_sentence(error))
            return None
        if source in self._away:
            self._away.remove(source)
            self._report(f"{source.title()} answers again.")
        return answer


def _sentence(error: psycopg.Error | ElectionError) -> str:
    if isinstance(error, psycopg.errors.UndefinedTable):
        return f"The marts are not built ({error.diag.message_primary}): `election demo` or `make dev` builds them."
    if isinstance(error, psycopg.Error):
        told = error.diag.message_primary or " ".join(str(error).split())
        return f"The marts cannot be read: {told}. `election status` shows the engines."
    return str(error)


@contextmanager
def serving(settings: Settings, host: str, port: int, report: Callable[[str], None]) -> Iterator[str]:
    """Serve the metrics while the body runs; yield their address. Port 0 takes any free one.

    `report` is told in a sentence when an engine goes away and when it is back. Raises PermanentError where nothing
    can listen there.
    """
    registry = CollectorRegistry(auto_describe=False)
    with Watch(settings, report) as watch:
        registry.register(watch)
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            raise PermanentError(
                f"Nothing can listen on {host}:{port} ({error.strerror}): give another place with --host and --port."
            ) from error
        try:
            yield f"http://{host}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
