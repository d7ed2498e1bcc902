"""Reading of the text in an election folder, value by value, collecting every problem instead of stopping at the first.

What the values must say about each other is in `folder_checks.py`.
"""

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from election_assets.domain.election import ID_PATTERN
from election_assets.domain.plain_text import CONTROLS, shortened, visible
from election_assets.errors import PermanentError

# Postgres keeps counts as integer and numbers of contests and candidates as smallint.
MAX_COUNT = 2**31 - 1
MAX_NUMBER = 2**15 - 1
MAX_SEED = 2**63 - 1
MAX_TEXT_LENGTH = 10_000
# A folder is held in memory; a megabyte of YAML takes up to ten seconds.
MAX_CSV_BYTES = 1 << 30
MAX_YAML_BYTES = 4 << 20

_MOST_SHOWN = 50

_WHOLE_NUMBER = re.compile(r"\A-?[0-9]{1,20}\Z")

Choice = TypeVar("Choice")


@dataclass(slots=True)
class Problems:
    """What is wrong with an election folder, in the order it was found."""

    folder: Path
    sentences: list[str] = field(default_factory=list)

    def add(self, where: str, found: str, remedy: str) -> None:
        """Note one problem: its file and line or path, what stands there, and what would mend it."""
        self.sentences.append(visible(f"{shortened(where)}: {shortened(found)}; {remedy}."))

    def raise_any(self) -> None:
        """Raise one PermanentError that names everything noted, if there is anything: of very many the first."""
        if self.sentences:
            found = "\n".join(f"- {sentence}" for sentence in self.sentences[:_MOST_SHOWN])
            more = len(self.sentences) - _MOST_SHOWN
            count = f"{len(self.sentences):,} problem{'s' if len(self.sentences) > 1 else ''}"
            raise PermanentError(
                f"The election folder {visible(self.folder)} cannot be used: {count} to mend in its files.\n{found}"
                + (f"\n… and {more:,} more." if more > 0 else "")
            )


@dataclass(frozen=True, slots=True)
class Values:
    """The texts of one mapping or one CSV row, read by name as the types they stand for."""

    texts: Mapping[str, Any]
    where: str
    problems: Problems

    def at(self, name: str) -> str:
        """Return where a value stands, for a problem's sentence."""
        return f"{self.where}{name}" if self.where.endswith((".", ": ")) else f"{self.where}, {name}"

    def text(self, name: str, default: str = "", required: bool = True) -> str:
        """Return a value as it is written; noted as a problem where it is needed and absent or not plain text."""
        value = self.texts.get(name) or ""
        if not isinstance(value, str):
            self.problems.add(self.at(name), f"found {value!r}", "write one plain value here")
            return default
        if CONTROLS.search(value):
            self.problems.add(self.at(name), f"found control characters in {value!r}", "remove them")
            return default
        if len(value) > MAX_TEXT_LENGTH:
            self.problems.add(self.at(name), f"found {value!r}", f"write no more than {MAX_TEXT_LENGTH:,} characters")
            return default
        if required and not value:
            self.problems.add(self.at(name), "nothing stands here", "write a value")
        return value or default

    def optional(self, name: str) -> str | None:
        """Return a value as it is written, or None where it is empty."""
        return self.text(name, required=False) or None

    def identifier(self, name: str) -> str:
        """Return an id; noted as a problem where it does not match the pattern all ids follow."""
        value = self.text(name)
        if value and not ID_PATTERN.match(value):
            self.problems.add(
                self.at(name), f"found {value!r}", "ids are 1 to 64 of the characters A-Z a-z 0-9 . _ : -"
            )
        return value

    def whole(self, name: str, least: int, most: int = MAX_COUNT, default: int | None = None) -> int:
        """Return a whole number within bounds; noted as a problem where it is none."""
        text = self.text(name, default="" if default is None else str(default), required=default is None)
        if not text:
            return least
        number = int(text) if _WHOLE_NUMBER.match(text) else None
        if number is None or not least <= number <= most:
            self.problems.add(self.at(name), f"found {text!r}", f"write a whole number from {least} to {most}")
            return least
        return number

    def optional_whole(self, name: str, least: int) -> int | None:
        """Return a whole number, or None where the value is empty."""
        return self.whole(name, least) if self.text(name, required=False) else None

    def flag(self, name: str) -> bool:
        """Return true or false, false where nothing is written."""
        return self.choice(name, {"true": True, "false": False}, default="false")

    def choice(self, name: str, choices: Mapping[str, Choice], default: str = "") -> Choice:
        """Return what a value stands for among the choices; noted as a problem where it is none of them."""
        text = self.text(name, default=default, required=not default)
        if text and text not in choices:
            self.problems.add(self.at(name), f"found {text!r}", f"write one of: {', '.join(choices)}")
        return choices.get(text, next(iter(choices.values())))

    def day(self, name: str) -> date:
        """Return a date; noted as a problem where it is none."""
        text = self.text(name)
        try:
            return date.fromisoformat(text)
        except ValueError:
            if text:
                self.problems.add(self.at(name), f"found {text!r}", "write a date like 2020-11-03")
            return date.min

    def moment(self, name: str) -> datetime | None:
        """Return a time with its offset from UTC; noted as a problem where it is none."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if text and (moment is None or moment.tzinfo is None):
            self.problems.add(self.at(name), f"found {text!r}", "write a time like 2020-11-03T07:00:00-05:00")
            return None
        return moment

    def several(self, name: str) -> list[Any]:
        """Return a list; noted as a problem where it is none or is empty."""
        value = self.texts.get(name)
        if isinstance(value, list) and value:
            return value
        self.problems.add(self.at(name), f"found {value!r}", "write a list with at least one entry")
        return []

    def refuse_others(self, known: tuple[str, ...]) -> None:
        """Note every name that stands for nothing, such as a misspelt one."""
        for name in self.texts:
            if name not in known:
                self.problems.add(self.at(str(name)), "no such name is known", f"use one of: {', '.join(known)}")


def csv_values(problems: Problems, name: str, columns: tuple[str, ...], required: bool = True) -> Iterator[Values]:
    """Yield the rows of a CSV file of the folder, each knowing its line."""
    if not os.path.lexists(problems.folder / name):
        if required:
            problems.add(name, "the file does not exist", f"make it with the columns {', '.join(columns)}")
        return
    text = _text_of(problems, name, MAX_CSV_BYTES)
    if text is None:
        return
    rows = _csv_rows(problems, name, text)
    _, header = next(rows, (1, []))
    if missing := [column for column in columns if column not in header]:
        problems.add(f"{name} line 1", f"no column {', '.join(missing)}", f"name the columns {', '.join(columns)}")
        return
    if repeated := [column for column in columns if header.count(column) > 1]:
        problems.add(f"{name} line 1", f"column {', '.join(repeated)} stands there twice", "keep one of them")
        return
    for line, cells in rows:
        if len(cells) != len(header):
            problems.add(f"{name} line {line}", f"{len(cells)} cells", f"write {len(header)}, as in line 1")
            continue
        yield Values(dict(zip(header, cells, strict=True)), f"{name} line {line}", problems)


def _csv_rows(problems: Problems, name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with the number of their first line; what is no CSV is noted, and nothing after it is read."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(f"{name} line {line}", f"it cannot be read ({error})", "write it as CSV in UTF-8")


def _text_of(problems: Problems, name: str, most_bytes: int) -> str | None:
    """Read a file of the folder; noted where it is none: reading a pipe never ends, a link may show any file."""
    path = problems.folder / name
    try:
        if not path.is_file():
            problems.add(name, "it is no regular file", "put the file itself there")
        elif not path.resolve().is_relative_to(problems.folder.resolve()):
            problems.add(name, "it is a link out of the folder", "put the file itself there")
        elif path.stat().st_size > most_bytes:
            problems.add(name, f"it has {path.stat().st_size:,} bytes", f"write no more than {most_bytes:,}")
        else:
            return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.add(name, f"it cannot be read ({error.strerror})", "let this user read it")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problems.add(f"{name} line {line}", f"byte 0x{error.object[error.start]:02x} is not UTF-8", "save it as UTF-8")
    return None


class _TextLoader(yaml.BaseLoader):
    """YAML with every plain value kept as text (a candidate may be called `No`), and nothing of what is beyond that.

    Repeated keys are refused; so are tags, which stand for something else than text, and anchors, by which a short
    file may stand for more than any memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.anchor is not None:
            self._refuse("an anchor or alias stands here: write out what it stands for", event)
        if getattr(event, "tag", None) is not None:
            self._refuse(f"the tag {event.tag!r} stands here: write the value alone", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a list or mapping stands here in place of a name", key)
            if key.value in seen:
                self._refuse(f"{key.value!r} stands here twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def _refuse(self, problem: str, found: Any) -> NoReturn:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=found.start_mark)


def yaml_values(problems: Problems, name: str) -> Values:
    """Read a YAML file of the folder; without one there is nothing to go on, so that is raised at once."""
    text = _text_of(problems, name, MAX_YAML_BYTES)
    problems.raise_any()
    document = _yaml_document(problems, name, text or "")
    if not isinstance(document, dict):
        if document is not None:
            problems.add(name, "it is not a mapping", "start it with lines like `id: adams-2020`")
        problems.raise_any()
        document = {}
    return Values(document, f"{name}: ", problems)


def _yaml_document(problems: Problems, name: str, text: str) -> object:
    try:
        return yaml.load(text, Loader=_TextLoader)  # noqa: S506
    except RecursionError:
        reason = "it is nested too deep"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = place + " ".join(part for part in (error.context, error.problem) if part)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Not only its own errors: an escape beyond Unicode, a version of 5,000 digits.
        reason = " ".join(str(error).split())
    problems.add(name, f"it cannot be read ({reason})", "mend it; elections/adams-2020 shows the form")
    return None
