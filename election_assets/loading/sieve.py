"""The sieve of a load: good rows go on in lots, bad ones into the error file."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

from election_assets.domain.plain_text import harmless, visible
from election_assets.errors import PermanentError
from election_assets.loading.lines import line_count
from election_assets.loading.rows import BadRow, Columns, Row, read_rows

# Rows held at a time, as far as they are not long: some 10 MB.
LOT = 10_000
LOT_CHARACTERS = 10_000_000

Good = TypeVar("Good")


class ErrorFile:
    """The bad rows of a load as CSV: line, reason, explanation, row. Only its owner may read it (0600).

    A row stands in it as it was written, but with its control characters spelled out, and with
    whatever names and addresses it holds: nowhere else does personal data leave
    `registry.voter_profiles`. Without a bad row there is no file, not even
    the one that an earlier load left.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.reasons: Counter[str] = Counter()
        self._file: IO[str] | None = None

    def write(self, rows: Iterable[BadRow]) -> None:
        """Add rows; raise PermanentError where the file cannot be written."""
        try:
            for row in rows:
                self._file = self._file or self._made()
                csv.writer(self._file).writerow((row.line, row.reason, *map(_shown, (row.explanation, row.row))))
                self.reasons[row.reason] += 1
            if self._file is not None:
                # A full disk is noticed before anything is committed.
                self._file.flush()
        except OSError as error:
            raise PermanentError(
                f"The error file {visible(self.place)} cannot be written ({error.strerror}): name another place for it."
            ) from error

    def _made(self) -> IO[str]:
        self.place.unlink(missing_ok=True)
        descriptor = os.open(self.place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")
        csv.writer(file).writerow(BadRow._fields)
        return file

    def __enter__(self) -> "ErrorFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        elif kind is None:
            self.place.unlink(missing_ok=True)


def _shown(text: str) -> str:
    return harmless(visible(text, but="\t\n"))


def _lots(rows: Iterator[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    lot: list[Row | BadRow] = []
    characters = 0
    for row in rows:
        lot.append(row)
        characters += len(row.row if isinstance(row, BadRow) else row.text)
        if len(lot) >= LOT or characters >= LOT_CHARACTERS:
            yield lot
            lot, characters = [], 0
    if lot:
        yield lot


@dataclass(frozen=True, slots=True)
class Sieve:
    """A file on its way: who loads it says which rows are good. `report` is told lines read and lines in all."""

    file: Path
    errors: ErrorFile
    report: Callable[[int, int], None]

    def lots(
        self, columns: Columns, sift: Callable[[list[Row]], tuple[list[Good], list[BadRow]]]
    ) -> Iterator[list[Good]]:
        """Yield what `sift` makes of the good rows, a lot at a time; it is asked only when the lot before is done."""
        total = line_count(self.file)
        for lot in _lots(read_rows(self.file, columns)):
            good, bad = sift([row for row in lot if isinstance(row, Row)])
            bad += [row for row in lot if isinstance(row, BadRow)]
            self.errors.write(sorted(bad, key=lambda row: row.line))
            yield good
            self.report(lot[-1].line, total)
