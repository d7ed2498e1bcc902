"""An election's rows in an archive: a Parquet file for each table of registry, ledger and audit.

The number that stands for an election differs from database to database, so no file has it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import parquet

_ROWS_AT_ONCE = 50_000
_NUMBER = "election_number"
# What `open` sets, last of all: until then the rows are a draft's, and may be written.
_FREEZE = ("opened_at", "registry_hash", "topic_id")
_TYPES = {
    "bool": pa.bool_(),
    "date": pa.date32(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "text": pa.string(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "uuid": pa.string(),
}


@dataclass(frozen=True, slots=True)
class ArchivedTable:
    """A table whose rows belong to elections, each to one."""

    schema: str
    name: str

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.schema}/{self.name}.parquet"

    @property
    def identifier(self) -> sql.Identifier:
        """Return its name in SQL."""
        return sql.Identifier(self.schema, self.name)


ELECTIONS = ArchivedTable("registry", "elections")
# Each after those that it refers to.
TABLES = (
    ELECTIONS,
    *(
        ArchivedTable("registry", name)
        for name in (
            "election_methods",
            "contests",
            "candidates",
            "reporting_units",
            "ballot_styles",
            "ballot_style_contests",
            "precinct_ballot_styles",
            "voters",
            "voter_profiles",
            "voter_group_sizes",
            "official_results",
            "official_ballots",
            "contradictions",
            "adjustments",
            "baselines",
        )
    ),
    *(
        ArchivedTable("ledger", name)
        for name in (
            "positions",
            "count_runs",
            "participation",
            "ballot_counts",
            "voter_group_counts",
            "arrivals",
            "contest_ballots",
            "tallies",
            "uncounted",
            "batches",
            "snapshots",
            "snapshot_tallies",
        )
    ),
    ArchivedTable("audit", "verifications"),
)


def write_rows(connection: psycopg.Connection, table: ArchivedTable, election_number: int, place: Path) -> int:
    """Write an election's rows of a table; return how many there are."""
    columns = _columns(connection, table)
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
    selected = sql.SQL(", ").join(
        sql.SQL("archived.{}").format(sql.Identifier(name)) + sql.SQL("::text" if kind == "uuid" else "")
        for name, kind in columns.items()
    )
    query = sql.SQL(
        "select {} from {} archived join registry.elections numbered using ({}) where numbered.election_number = %s"
    ).format(selected, table.identifier, sql.Identifier("election_id" if "election_id" in columns else _NUMBER))
    written = 0
    with (
        parquet.ParquetWriter(place, schema, compression="zstd") as writer,
        connection.cursor("archived_rows") as cursor,
    ):
        cursor.execute(query, (election_number,))
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            arrays = [
                pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(rows)
    return written


def insert_draft(connection: psycopg.Connection, place: Path) -> tuple[int, dict[str, Any]]:
    """Insert the election itself as a draft; return the number it gets, and its row as it was archived."""
    (row,) = parquet.read_table(place).to_pylist()
    names = [name for name in row if name not in _FREEZE]
    inserted = connection.execute(
        sql.SQL("insert into registry.elections ({}) values ({}) returning election_number").format(
            _joined(names), sql.SQL(", ").join(sql.Placeholder() * len(names))
        ),
        [row[name] for name in names],
    ).fetchone()
    assert inserted is not None
    return inserted[0], row


def freeze(connection: psycopg.Connection, election_number: int, row: dict[str, Any], topic_id: str) -> None:
    """Make an inserted draft what it was when it was archived, but for its topic."""
    connection.execute(
        sql.SQL("update registry.elections set ({}) = row(%s, %s, %s) where election_number = %s").format(
            _joined(_FREEZE)
        ),
        (row["opened_at"], row["registry_hash"], topic_id, election_number),
    )


def insert_rows(connection: psycopg.Connection, table: ArchivedTable, election_number: int, place: Path) -> None:
    """Insert the rows of a table under the number that their election has here, and let the planner know."""
    with parquet.ParquetFile(place) as file:
        names = file.schema_arrow.names
        # Rows that have the election's id need no number.
        number = {} if "election_id" in names else {_NUMBER: election_number}
        statement = sql.SQL("copy {} ({}) from stdin").format(table.identifier, _joined([*number, *names]))
        with connection.cursor().copy(statement) as copy:
            for row in _rows(file):
                copy.write_row((*number.values(), *row))
    connection.execute(sql.SQL("analyze {}").format(table.identifier))


def _rows(file: parquet.ParquetFile) -> Iterator[tuple[Any, ...]]:
    for batch in file.iter_batches(_ROWS_AT_ONCE):
        yield from zip(*(column.to_pylist() for column in batch), strict=True)


def _columns(connection: psycopg.Connection, table: ArchivedTable) -> dict[str, str]:
    """Return the columns to be archived and their types: all but numbers that the database gave."""
    rows = connection.execute(
        "select column_name, udt_name from information_schema.columns where table_schema = %s and table_name = %s"
        " and column_name <> %s and is_identity = 'NO' order by ordinal_position",
        (table.schema, table.name, _NUMBER),
    )
    return dict(rows.fetchall())


def _joined(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
