"""The rows of a file to load: CSV or JSON lines, read in their order, each with its line number.

What is no row is an ordinary value here, a `BadRow`, and reading goes on with the next line. What
the values of a row must be is said beside the tables they go to.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from election_assets.domain.ballot import read_json
from election_assets.domain.plain_text import listed, visible
from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.loading.lines import CsvRecords, Line, read_lines

MAX_TEXT_LENGTH = 1_000

_SURROGATE = re.compile("[\ud800-\udfff]")


class BadRow(NamedTuple):
    """A row that will not be loaded: its first line's number, a word and a sentence why, its text."""

    line: int
    reason: str
    explanation: str
    row: str


class Row(NamedTuple):
    """A row of the right columns; its values are texts, but for those of `Columns.objects`."""

    line: int
    text: str
    values: dict[str, Any]

    def bad(self, reason: str, explanation: str) -> BadRow:
        """Return the row with the reason why it will not be loaded."""
        return BadRow(self.line, reason, explanation, self.text)


class Columns(NamedTuple):
    """The columns of a kind of file, or the keys of its JSON objects.

    JSON may spell `flags` as true and false too; `objects` are JSON objects, which a cell of CSV spells out.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Return all of them."""
        return self.required + self.optional

    def fault_in(self, names: list[str]) -> str:
        """Return what is wrong with the names of a header or an object, nothing where they are right."""
        times = Counter(names)
        faults = {
            "missing": [name for name in self.required if name not in times],
            "unknown": [name for name in names if name not in self.known],
            "repeated": sorted(name for name in times if times[name] > 1),
        }
        return "; ".join(f"{fault}: {listed(found)}" for fault, found in faults.items() if found)


def read_rows(file: Path, columns: Columns) -> Iterator[Row | BadRow]:
    """Yield the rows of a file, whose suffix says how to read it; blank lines are passed over.

    Raises PermanentError for another suffix, for an empty file, and for CSV without its header.
    """
    forms = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    form = forms.get(file.suffix.lower())
    if form is None:
        raise PermanentError(f"{visible(file)} has none of the suffixes {', '.join(forms)}, which say how to read it.")
    with file.open("rb") as opened:
        if not opened.peek(1):
            raise PermanentError(f"{visible(file)} is empty: there is nothing to load.")
        yield from form(file, read_lines(opened), columns)


def _row(line: Line, values: dict[str, Any] | str) -> Row | BadRow:
    """Return a row with its values, or with what is wrong with them."""
    text = line.text.rstrip("\r\n")
    if isinstance(values, str):
        return BadRow(line.number, Reason.MALFORMED, values, text)
    return Row(line.number, text, values)


def _json_rows(_: Path, lines: Iterator[Line], columns: Columns) -> Iterator[Row | BadRow]:
    for line in lines:
        if line.fault or not line.text.isspace():
            yield _row(line, line.fault or _json_values(line.text, columns))


def _json_values(text: str, columns: Columns) -> dict[str, Any] | str:
    found = _object(text)
    if isinstance(found, str):
        return f"The line is {found}."
    if fault := columns.fault_in(list(found)):
        return f"Keys {fault}."
    values = {}
    for name, value in found.items():
        if value is None and name in columns.optional:
            continue
        if isinstance(value, bool) and name in columns.flags:
            value = str(value).lower()
        if name in columns.objects:
            if not isinstance(value, dict):
                return f"{name} is {type(value).__name__}: write an object."
        elif not isinstance(value, str):
            return f"{name} is {type(value).__name__}: write text in quotes."
        elif _SURROGATE.search(value):
            return f"{name} holds half of a surrogate pair, which no text has."
        values[name] = value
    return _too_long(values) or values


def _csv_rows(file: Path, lines: Iterator[Line], columns: Columns) -> Iterator[Row | BadRow]:
    records = CsvRecords(lines).records()
    header, names = next(records, (Line(1, ""), []))
    fault = header.fault or columns.fault_in(names)
    if not header.fault and not set(names) & set(columns.known):
        # Perhaps there is no header, and these are somebody's name and address: nothing for logs.
        fault = "it names no column that is known"
    if fault:
        others = f"; there may be {', '.join(columns.optional)}" if columns.optional else ""
        raise PermanentError(
            f"Line {header.number} of {visible(file)} is not its header ({fault.rstrip('.')}): "
            f"it must name {', '.join(columns.required)}{others}."
        )
    for line, cells in records:
        yield _row(line, line.fault or _csv_values(names, cells, columns))


def _csv_values(names: list[str], cells: list[str], columns: Columns) -> dict[str, Any] | str:
    if len(cells) != len(names):
        return f"The row has {len(cells)} cells, the header {len(names)}."
    values: dict[str, Any] = dict(zip(names, cells, strict=True))
    for name in columns.objects:
        found = _object(values[name])
        if isinstance(found, str):
            return f"{name} is {found}."
        values[name] = found
    return _too_long(values) or values


def _object(text: str) -> dict[str, Any] | str:
    """Read a JSON object, or say what the text is instead."""
    try:
        found = read_json(text)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    except ValueError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return "not JSON that can be read: it is nested too deep"
    return found if isinstance(found, dict) else f"{type(found).__name__}, not an object"


def _too_long(values: dict[str, Any]) -> str:
    for name, value in values.items():
        if len(value) > MAX_TEXT_LENGTH and isinstance(value, str):
            return f"{name} has {len(value):,} characters: write no more than {MAX_TEXT_LENGTH:,}."
    return ""
