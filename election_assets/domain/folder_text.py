"""Reading of the text in an election folder, value by value, collecting every problem instead of stopping at the first.

What the values must say about each other is in `folder_checks.py`.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from election_assets.domain.election import ID_PATTERN
from election_assets.errors import PermanentError

# Postgres keeps counts as integer and numbers of contests and candidates as smallint.
MAX_COUNT = 2**31 - 1
MAX_NUMBER = 2**15 - 1
MAX_SEED = 2**63 - 1

_WHOLE_NUMBER = re.compile(r"\A-?[0-9]{1,20}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Choice = TypeVar("Choice")


@dataclass(slots=True)
class Problems:
    """What is wrong with an election folder, in the order it was found."""

    folder: Path
    sentences: list[str] = field(default_factory=list)

    def add(self, where: str, found: str, remedy: str) -> None:
        """Note one problem: its file and line or path, what stands there, and what would mend it."""
        self.sentences.append(f"{where}: {found}; {remedy}.")

    def raise_any(self) -> None:
        """Raise one PermanentError that names everything noted, if there is anything."""
        if self.sentences:
            found = "\n".join(f"- {sentence}" for sentence in self.sentences)
            count = f"{len(self.sentences)} problem{'s' if len(self.sentences) > 1 else ''}"
            raise PermanentError(
                f"The election folder {self.folder} cannot be used: {count} to mend in its files.\n{found}"
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
        if _CONTROL.search(value):
            self.problems.add(self.at(name), f"found control characters in {value!r}", "remove them")
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
    path = problems.folder / name
    if not path.exists():
        if required:
            problems.add(name, "the file does not exist", f"make it with the columns {', '.join(columns)}")
        return
    try:
        rows = list(_csv_rows(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.add(name, f"it cannot be read ({error})", "write it as CSV in UTF-8")
        return
    header = rows[0][1] if rows else []
    if missing := [column for column in columns if column not in header]:
        problems.add(f"{name} line 1", f"no column {', '.join(missing)}", f"name the columns {', '.join(columns)}")
        return
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            problems.add(f"{name} line {line}", f"{len(cells)} cells", f"write {len(header)}, as in line 1")
            continue
        yield Values(dict(zip(header, cells, strict=True)), f"{name} line {line}", problems)


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        for row in reader:
            if row:
                yield reader.line_num, row


class _TextLoader(yaml.BaseLoader):
    """YAML with every plain value kept as text (a candidate may be called `No`) and repeated keys refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def yaml_values(problems: Problems, name: str) -> Values:
    """Read a YAML file of the folder; without one there is nothing to go on, so that is raised at once."""
    path = problems.folder / name
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        problems.add(name, f"it cannot be read ({reason})", "mend it; elections/adams-2020 shows the form")
        document = None
    if not isinstance(document, dict):
        if document is not None:
            problems.add(name, "it is not a mapping", "start it with lines like `id: adams-2020`")
        problems.raise_any()
        document = {}
    return Values(document, f"{name}: ", problems)
