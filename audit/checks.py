"""Numbered checks: what a recount is held against, what was expected and found, and where that differs first."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, is_dataclass
from datetime import datetime
from typing import Any

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `first` are the first coordinates that differ; `compared` and `differing` count cells."""

    number: int
    name: str
    expected: str
    found: str
    compared: int
    differing: int
    first: str | None

    @property
    def passed(self) -> bool:
        """Return whether nothing differs."""
        return not self.differing


@dataclass(slots=True)
class Comparison:
    """Cells compared: how many, what they add up to on either side, how many differ, and the first of those."""

    compared: int = 0
    expected: int = 0
    found: int = 0
    differing: int = 0
    first: tuple[int, str] | None = None

    def hold(
        self, expected: Mapping[Any, Any], found: Mapping[Any, Any], what: str, partition: int | None = None
    ) -> None:
        """Compare what cells should say with what they do; one that is missing differs from any that is there."""
        cells = expected.keys() | found.keys()
        self.compared += len(cells)
        self.expected += sum(map(_weight, expected.values()))
        self.found += sum(map(_weight, found.values()))
        differing = [cell for cell in cells if expected.get(cell) != found.get(cell)]
        self.differing += len(differing)
        if differing:
            cell = min(differing, key=_order)
            told = f"{_spelled(expected.get(cell))} expected, {_spelled(found.get(cell))} found"
            where = "" if partition is None else f"partition {partition}, "
            self._note(partition or 0, f"{where}{what} {_spelled(cell)}: {told}")

    def add(self, other: "Comparison") -> None:
        """Take in what was compared elsewhere."""
        self.compared += other.compared
        self.expected += other.expected
        self.found += other.found
        self.differing += other.differing
        if other.first:
            self._note(*other.first)

    def check(self, number: int, name: str) -> Check:
        """Return the comparison as a check."""
        first = self.first[1] if self.first else None
        return Check(number, name, f"{self.expected:,}", f"{self.found:,}", self.compared, self.differing, first)

    def _note(self, partition: int, sentence: str) -> None:
        if self.first is None or partition < self.first[0]:
            self.first = partition, sentence


def _weight(value: Any) -> int:
    """Return what a cell adds to the total: its first sum, or one."""
    if isinstance(value, list):
        return value[0] if isinstance(value[0], int) else 1
    return value if isinstance(value, int) else 1


def _order(cell: Any) -> Any:
    return tuple(map(str, cell)) if isinstance(cell, tuple) else cell


def _spelled(value: Any) -> str:
    if value is None:
        return NOTHING
    if is_dataclass(value) and not isinstance(value, type):
        value = astuple(value)
    if isinstance(value, tuple | list):
        return "/".join(map(_spelled, value))
    return value.isoformat() if isinstance(value, datetime) else str(value)
