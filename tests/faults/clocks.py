"""Clocks that jump: the time of day as one part of the system sees it, by libfaketime; never the machine's.

Python is left out: with libfaketime (0.9.10) its `time.sleep` fails, whatever the clock says.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.java import find_java
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
            # Else a JVM's waits, which are by the monotonic clock, end at once.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
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
    """The clocks of a place: the broker's, Postgres's, and that of the count's JVM."""

    folder: Path

    @property
    def broker(self) -> Clock:
        """The clock by which the broker goes."""
        return Clock(self.folder / "broker")

    @property
    def postgres(self) -> Clock:
        """The clock by which Postgres goes."""
        return Clock(self.folder / "postgres")

    @property
    def jvm(self) -> Clock:
        """The clock by which the count's JVM goes."""
        return Clock(self.folder / "jvm")

    @property
    def variables_of_count(self) -> Mapping[str, str]:
        """The variables of a count whose JVM goes by its clock, and whose Python goes by the machine's."""
        home = self.folder / "java"
        return {"JAVA_HOME": str(home), "PYSPARK_PYTHON": str(home / "bin" / "python")}

    def put_right(self) -> None:
        """Let all go right."""
        for one in (self.broker, self.postgres, self.jvm):
            one.set(0)

    def write_programs(self) -> None:
        """Write the Java and the Python of such a count."""
        programs = self.folder / "java" / "bin"
        programs.mkdir(parents=True)
        settings = " ".join(f"{name}='{value}'" for name, value in self.jvm.variables.items())
        for name, line in (
            ("java", f'exec env {settings} {find_java(os.environ)} "$@"'),
            ("python", f'unset LD_PRELOAD\nexec {sys.executable} "$@"'),
        ):
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)


@contextmanager
def clocks(folder: Path) -> Iterator[Clocks]:
    """Let engines that are started meanwhile go by clocks of their own."""
    folder.mkdir(mode=0o755)
    made = Clocks(folder)
    made.put_right()
    made.write_programs()
    with pytest.MonkeyPatch.context() as patched:
        for engine, clock in ((Kafka, made.broker), (Postgres, made.postgres)):
            patched.setattr(engine, "environment", clock.variables)
        yield made
