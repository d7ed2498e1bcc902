"""The rows of an OpenElections precinct file, read cell by cell."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from election_assets.domain.election import Method
from election_assets.domain.folder_text import MAX_COUNT
from election_assets.domain.plain_text import CONTROLS, listed, visible
from election_assets.errors import PermanentError
from election_assets.openelections.vocabulary import KEY_COLUMNS, METHOD_OF_COLUMN, is_sum_of_precincts

_MAX_CELL_LENGTH = 1_000
_NUMBER = re.compile(r"\A-?(?:\d{1,3}(?:,\d{3})+|\d{1,10})(?:\.0+)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: who it is about, and its cells by method, `total` for the column of all votes."""

    line: int
    county: str
    precinct: str
    office: str
    district: str
    party: str
    candidate: str
    counts: dict[Method, int]
    not_numbers: dict[Method, str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that is not about a candidate or count of a precinct, and why."""

    line: int
    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file as read."""

    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    unknown_columns: tuple[str, ...]


def read_table(path: Path) -> Table:
    """Read a file; raises PermanentError where it is not the layout at all."""
    lines = _lines(path)
    header = ["_".join(plain_cell(name).lower().split()) for name in lines[0][1]] if lines else []
    header = ["county" if name == "parish" else name for name in header]
    _check_header(path, header)
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    numeric: set[str] = set()
    for line, cells in lines[1:]:
        texts = dict(zip(header, (plain_cell(cell) for cell in cells), strict=False))
        if not any(cell.strip() for cell in cells):
            continue
        if reason := _reason_to_leave_out(texts, cells[len(header) :]):
            left_out.append(LeftOut(line, reason, " / ".join(texts.get(name, "") for name in ("county", "precinct"))))
            continue
        rows.append(_row(line, texts))
        numeric.update(name for name, text in texts.items() if text and _NUMBER.match(text))
    if not rows:
        raise PermanentError(
            f"{path} has no row of a precinct: give a precinct file of OpenElections with its figures."
        )
    unknown = [name for name in header if name in numeric and name not in (*KEY_COLUMNS, *METHOD_OF_COLUMN)]
    return Table(tuple(rows), tuple(left_out), tuple(unknown))


def plain_cell(text: str) -> str:
    """Return a text without the spaces around it, and with a space for each control character."""
    return CONTROLS.sub(" ", text).strip()


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    if path.exists() and not path.is_file():
        raise PermanentError(f"{visible(path)} is no regular file: name an OpenElections precinct file.")
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise PermanentError(f"{path} cannot be read ({error}): name an OpenElections precinct file.") from error
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Files that went through a spreadsheet on Windows; every byte means something there.
        text = octets.decode("cp1252", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise PermanentError(f"{path} line {reader.line_num} is not CSV ({error}): mend that line.") from error


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in ("precinct", "office", "candidate") if name not in header]
    if not any(name in METHOD_OF_COLUMN for name in header):
        missing.append("votes")
    if missing:
        raise PermanentError(
            f"{path} has no column {', '.join(missing)} (found: {listed(header) or 'nothing'}): "
            "give a precinct file in the layout of OpenElections, with its header."
        )


def _reason_to_leave_out(texts: dict[str, str], beyond: list[str]) -> str | None:
    if any(cell.strip() for cell in beyond):
        return "more_cells_than_columns"
    if any(len(text) > _MAX_CELL_LENGTH for text in texts.values()):
        return "cell_too_long"
    if not texts.get("precinct"):
        return "no_precinct"
    if not texts.get("office"):
        return "no_office"
    return "sum_of_precincts" if is_sum_of_precincts(texts["precinct"]) else None


def _row(line: int, texts: dict[str, str]) -> Row:
    counts: dict[Method, int] = {}
    not_numbers: dict[Method, str] = {}
    for column, text in texts.items():
        method = METHOD_OF_COLUMN.get(column)
        if method is None or not text:
            continue
        number = int(text.replace(",", "").split(".")[0]) if _NUMBER.match(text) else None
        # Two columns of one method (absentee and mail) are added up.
        if number is None or abs(counts.get(method, 0) + number) > MAX_COUNT:
            not_numbers[method] = text
        else:
            counts[method] = counts.get(method, 0) + number
    for method in not_numbers:
        counts.pop(method, None)
    names = {name: " ".join(texts.get(name, "").split()) for name in KEY_COLUMNS}
    return Row(line, counts=counts, not_numbers=not_numbers, **names)
