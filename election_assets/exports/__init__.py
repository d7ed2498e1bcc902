"""Exports: the results of an election as files for others, read from the marts alone.

What is done is in `exporting.py`; here is only what its callers name.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Format(StrEnum):
    """What an election is exported as."""

    NIST = "nist"
    CSV = "csv"
    PARQUET = "parquet"
    OPENELECTIONS = "openelections"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it will be written; `row_count` are the rows in it, None where it has none."""

    name: str
    content: bytes
    row_count: int | None = None


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that was written."""

    path: Path
    byte_count: int
    sha256: str
    row_count: int | None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written of an election, all of it from one snapshot of the marts."""

    election_id: str
    position: int
    is_withheld: bool
    files: tuple[ExportedFile, ...]

    def sentence(self) -> str:
        """Return the one line that sums it up."""
        files = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
        withheld = "; candidates' figures are withheld until the polls close" if self.is_withheld else ""
        return f"{self.election_id} as of position {self.position:,}: {files}{withheld}."
