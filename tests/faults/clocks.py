"""Clocks that jump: the time of day as one part of the system sees it, by libfaketime; never the machine's."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.kafka import Kafka
from engines.postgres import Postgres

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
LACKING = "" if LIBRARY else "libfaketime is not installed (Debian: `apt-get install faketime`)."


@dataclass(frozen=True, slots=True)
class Clock:
    """The machine's clock and an offset, which a file has; whoever began with `variables` goes by it."""

    file: Path

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of a process that goes by this clock; none without the library."""
        if LIBRARY is None:
            return {}
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            # Read anew each second. Seconds that go by, and the times of files, stay what they are.
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds: int) -> None:
        """Let the clock be so many seconds fast or slow from now on."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n")
        beside.chmod(0o644)
        os.replace(beside, self.file)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a place: the broker's, Postgres's, and that of all the count's processes."""

    broker: Clock
    postgres: Clock
    count: Clock

    def put_right(self) -> None:
        """Let all go right."""
        for one in (self.broker, self.postgres, self.count):
            one.set(0)


@contextmanager
def clocks(folder: Path) -> Iterator[Clocks]:
    """Let engines that are started meanwhile go by clocks of their own."""
    folder.mkdir(mode=0o755)
    made = Clocks(*(Clock(folder / name) for name in ("broker", "postgres", "count")))
    made.put_right()
    with pytest.MonkeyPatch.context() as patched:
        for engine, clock in ((Kafka, made.broker), (Postgres, made.postgres)):
            patched.setattr(engine, "environment", clock.variables)
        yield made
