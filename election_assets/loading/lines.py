"""The lines of a file, as text or with their fault, and the CSV records that they make up."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

# As much as a message may have; a ballot has a quarter of it.
MAX_LINE_BYTES = 64 * 1024
# A quoted value may hold line breaks; where its quote is never closed, so many lines are read again.
MAX_LINES_OF_A_RECORD = 100


class Line(NamedTuple):
    """A line, or the lines of a record with the first one's number; with a `fault` it is only to be shown."""

    number: int
    text: str
    fault: str = ""


def line_count(file: Path) -> int:
    """Return the number of lines, for a progress bar."""
    with file.open("rb") as opened:
        return sum(block.count(b"\n") for block in iter(lambda: opened.read(1 << 20), b""))


def read_lines(opened: BinaryIO) -> Iterator[Line]:
    """Yield the lines with their ends; of one that is too long only its beginning."""
    for number in count(1):
        data = opened.readline(MAX_LINE_BYTES + 1)
        if not data:
            return
        if number == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        if len(data) > MAX_LINE_BYTES:
            yield Line(number, _shown(data), f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
            while data and not data.endswith(b"\n"):
                data = opened.readline(MAX_LINE_BYTES)
        elif b"\0" in data:
            yield Line(number, _shown(data), "The line holds a NUL, which no text has: save the file as UTF-8.")
        else:
            yield _decoded(number, data)


def _decoded(number: int, data: bytes) -> Line:
    try:
        return Line(number, data.decode())
    except UnicodeDecodeError as error:
        fault = f"The line is not UTF-8: byte 0x{data[error.start]:02x} at {error.start}. Save the file as UTF-8."
        return Line(number, _shown(data), fault)


def _shown(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


class CsvRecords:
    """Hands lines to csv.reader one by one, and takes back what a broken record read ahead."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._again: deque[Line] = deque()
        self._taken: list[Line] = []

    def records(self) -> Iterator[tuple[Line, list[str]]]:
        """Yield each record with its cells; without any where it has a fault, which costs it its first line alone."""
        reader = csv.reader(self, strict=True)
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                first, *others = self._taken
                self._again.extendleft(reversed(others))
                said = "a quote in it is not closed" if others else error
                yield Line(first.number, first.text, first.fault or f"The line is not CSV: {said}."), []
            else:
                if cells:
                    yield Line(self._taken[0].number, "".join(line.text for line in self._taken)), cells

    def __iter__(self) -> Iterator[str]:
        """Return itself, as csv.reader wants it."""
        return self

    def __next__(self) -> str:
        """Return the next line, of those taken back first."""
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        if line.fault or len(self._taken) > MAX_LINES_OF_A_RECORD:
            raise csv.Error
        return line.text
