"""Postgres, looked at: what its tables hold of an election, their columns, and how far the election is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), '')
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = to_regnamespace(%s) and c.relname = any(%s)
order by c.relname, a.attnum
"""

_STANDING = """
select position, counted_count, rejected_count, quarantined_count, hole_count
from ledger.positions_added_up where election_id = %s
"""


_UNVERIFIED = """
select e.election_id, max(p.committed_at) as committed_at
from ledger.positions p
join registry.elections e using (election_number)
left join (select election_number, max(verified_at) as verified_at from audit.verifications group by 1) v
    using (election_number)
group by e.election_id, v.verified_at
having max(p.committed_at) > coalesce(v.verified_at, '-infinity')
order by e.election_id
"""


@dataclass(frozen=True, slots=True)
class UnverifiedCount:
    """An election that was counted since its log was last recounted independently, and when it was."""

    election_id: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Postgres knows it."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class TableFigures:
    """A table: the number of an election's rows in it, and its columns."""

    row_count: int
    columns: tuple[Column, ...]


def table_figures(conninfo: str, schema: str, tables: Sequence[str], election_id: str) -> Mapping[str, TableFigures]:
    """Count an election's rows in each of `tables`, which are keyed by its id or by its number."""
    with psycopg.connect(conninfo) as connection:
        columns: dict[str, list[Column]] = {table: [] for table in tables}
        for table, *column in connection.execute(_COLUMNS, (schema, list(tables))):
            columns[table].append(Column(*column))
        return {
            table: TableFigures(_row_count_of(connection, schema, table, found, election_id), tuple(found))
            for table, found in columns.items()
        }


def row_count(conninfo: str, schema: str, relation: str) -> int:
    """Count the rows of a table or view, of all elections."""
    with psycopg.connect(conninfo) as connection:
        statement = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, relation))
        row = connection.execute(statement).fetchone()
    return row[0] if row else 0


def last_commit(conninfo: str) -> datetime | None:
    """Return when the count of any election committed last; None before the first time."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select max(committed_at) from ledger.positions_added_up").fetchone()
    return row[0] if row else None


def unverified_counts(conninfo: str) -> list[UnverifiedCount]:
    """Return the elections whose ledger was written to since the log was last recounted; `conninfo` is an auditor's."""
    with psycopg.connect(conninfo) as connection:
        return connection.cursor(row_factory=class_row(UnverifiedCount)).execute(_UNVERIFIED).fetchall()


def standing(conninfo: str, election_id: str) -> Mapping[str, int]:
    """Return how far an election is counted, and what became of its messages; empty before it is opened."""
    with psycopg.connect(conninfo) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_STANDING, (election_id,)).fetchone() or {}


def _row_count_of(
    connection: psycopg.Connection, schema: str, table: str, columns: Sequence[Column], election_id: str
) -> int:
    keyed_by_id = any(column.name == "election_id" for column in columns)
    of_election = (
        sql.SQL("election_id = %s")
        if keyed_by_id
        else sql.SQL("election_number = (select election_number from registry.elections where election_id = %s)")
    )
    statement = sql.SQL("select count(*) from {} where {}").format(sql.Identifier(schema, table), of_election)
    row = connection.execute(statement, (election_id,)).fetchone()
    return row[0] if row else 0
