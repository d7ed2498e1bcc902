"""The ledger as it stands, one partition at a time, in the names of the registry.

A number that stands for nothing in the registry is shown as `#number`: no recount has such a cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from audit.recount import Cell, Sums, Uncounted
from audit.registry import Names, Registry

# The ledger's tables of sums: columns that name a cell, columns that are added up.
TABLES = {
    "ballot_counts": ("precinct_number, ballot_style_number, method_number", "ballot_count, blank_count"),
    "contest_ballots": (
        "contest_number, precinct_number, method_number",
        "ballot_count, undervote_count, overvote_count",
    ),
    "tallies": ("contest_number, candidate_number, precinct_number, method_number", "vote_count"),
    "voter_group_counts": ("parent_number, age_group, gender", "ballot_count"),
    "arrivals": ("arrival_minute, method_number", "ballot_count"),
}
_PARTITIONS = " union ".join(
    f"select partition from ledger.{table} where election_number = %(election)s"  # noqa: S608
    for table in ("positions", "uncounted", *TABLES)
)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition is judged; `last` are offset and append time of the last message judged."""

    next_offset: int
    counted: int
    rejected: int
    quarantined: int
    holes: int
    last: tuple[int, datetime] | None


def read_partitions(connection: psycopg.Connection, registry: Registry) -> set[int]:
    """Return the partitions that the ledger says anything about."""
    rows = connection.execute(_PARTITIONS.encode(), {"election": registry.election_number})
    return {partition for (partition,) in rows}


def read_positions(connection: psycopg.Connection, registry: Registry) -> dict[int, Position]:
    """Return partition → how far it is judged."""
    rows = connection.execute(
        "select partition, next_offset, counted, rejected, quarantined, holes, last_offset, last_appended_at"
        " from ledger.positions where election_number = %s",
        (registry.election_number,),
    )
    return {
        partition: Position(
            next_offset, counted, rejected, quarantined, holes, None if last_offset is None else (last_offset, last_at)
        )
        for partition, next_offset, counted, rejected, quarantined, holes, last_offset, last_at in rows
    }


def read_uncounted(connection: psycopg.Connection, registry: Registry, partition: int) -> dict[int, Uncounted]:
    """Return offset → what became of it, for the messages of a partition that are not counted."""
    rows = connection.execute(
        'select "offset", verdict, reason, appended_at from ledger.uncounted'
        " where election_number = %s and partition = %s",
        (registry.election_number, partition),
    )
    return {offset: Uncounted(verdict, reason, at) for offset, verdict, reason, at in rows}


def read_cells(connection: psycopg.Connection, registry: Registry, table: str, partition: int) -> dict[Cell, Sums]:
    """Return what a table of sums says of a partition."""
    keys, sums = TABLES[table]
    rows = connection.execute(
        f"select {keys}, {sums} from ledger.{table} where election_number = %s and partition = %s".encode(),  # noqa: S608
        (registry.election_number, partition),
    )
    names = keys.split(", ")
    return {_cell(registry.names, dict(zip(names, row, strict=False))): list(row[len(names) :]) for row in rows}


def read_participants(connection: psycopg.Connection, registry: Registry) -> np.ndarray:
    """Return the numbers of the voters of whom the ledger has a ballot (int32)."""
    row = connection.execute(
        "select string_agg(int4send(voter_number), ''::bytea) from ledger.participation where election_number = %s",
        (registry.election_number,),
        binary=True,
    ).fetchone()
    return np.frombuffer((row and row[0]) or b"", ">i4").astype(np.int32)


def _cell(names: Names, numbers: Mapping[str, Any]) -> Cell:
    def named(column: str, number: Any) -> object:
        known: Mapping[Any, str] = {
            "precinct_number": names.units,
            "parent_number": names.units,
            "ballot_style_number": names.styles,
            "method_number": names.methods,
            "contest_number": names.contests,
        }.get(column, {})
        if column == "candidate_number":
            return names.candidates.get((numbers["contest_number"], number), f"#{number}")
        return known.get(number, f"#{number}") if column.endswith("_number") else number

    return tuple(named(column, number) for column, number in numbers.items())
