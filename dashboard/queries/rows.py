"""Rows as values: a query's columns are the fields of a class."""

from dataclasses import asdict, dataclass
from typing import TypeVar

import psycopg
from psycopg.rows import class_row

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a refresh is asked for; its fields are the parameters of every query."""

    election_id: str
    contest_id: str | None = None
    level: str | None = None
    unit_id: str | None = None
    baseline_election_id: str | None = None


def all_of(connection: psycopg.Connection, kind: type[Row], query: str, asked: Asked | None) -> tuple[Row, ...]:
    """Return all rows of a query."""
    cursor = connection.cursor(row_factory=class_row(kind))
    return tuple(cursor.execute(query.encode(), None if asked is None else asdict(asked)))


def first_of(connection: psycopg.Connection, kind: type[Row], query: str, asked: Asked) -> Row | None:
    """Return the first row of a query, if there is one."""
    return next(iter(all_of(connection, kind, query, asked)), None)
