"""Tables as files: rows of one kind as CSV or as Parquet, with a column per field."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from election_assets.domain.plain_text import harmless
from election_assets.exports import Document
from election_assets.exports.rows import (
    BallotRow,
    ContestCountRow,
    ElectionRow,
    HistoryRow,
    ResultRow,
    Snapshot,
    TurnoutRow,
)

_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
    # Shares: quotients of counts that stand beside them.
    Decimal: pa.float64(),
    datetime: pa.timestamp("us", tz="UTC"),
}


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Spell rows as CSV in UTF-8; None is an empty cell, texts are harmless, numbers stay numbers."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    match value:
        case str():
            return harmless(value)
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
        case _:
            return value


def parquet_of(kind: type, rows: Sequence[Any], election: ElectionRow) -> bytes:
    """Spell rows as Parquet; the file's own metadata says which count of which registry they are of."""
    said = {
        "election_id": election.election_id,
        "position": str(election.position),
        "recount": str(election.recount),
        "registry_hash": election.registry_hash or "",
    }
    schema = pa.schema([_arrow_field(name, hint) for name, hint in get_type_hints(kind).items()], metadata=said)
    columns = [[_plain(getattr(row, name)) for row in rows] for name in schema.names]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out)
    return bytes(out.getvalue().to_pybytes())


def _arrow_field(name: str, hint: Any) -> pa.Field:
    kinds = get_args(hint) or (hint,)
    (kind,) = (one for one in kinds if one is not NoneType)
    return pa.field(name, _ARROW[kind], nullable=NoneType in kinds)


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def csv_documents(snapshot: Snapshot) -> list[Document]:
    """Return the tables of an election as CSV files."""
    documents = []
    for name, kind, rows in _tables(snapshot):
        columns = [field.name for field in fields(kind)]
        content = csv_of(columns, map(attrgetter(*columns), rows))
        documents.append(Document(f"{name}.csv", content, len(rows)))
    return documents


def parquet_documents(snapshot: Snapshot) -> list[Document]:
    """Return the tables of an election as Parquet files."""
    return [
        Document(f"{name}.parquet", parquet_of(kind, rows, snapshot.election), len(rows))
        for name, kind, rows in _tables(snapshot)
    ]


def _tables(snapshot: Snapshot) -> list[tuple[str, type, Sequence[Any]]]:
    return [
        ("results", ResultRow, snapshot.results),
        ("contests", ContestCountRow, snapshot.contest_counts),
        ("ballots", BallotRow, snapshot.ballots),
        ("turnout", TurnoutRow, snapshot.turnout),
        ("history", HistoryRow, snapshot.history),
    ]
