"""Claims about exported tables: every value arrives, nothing runs in a spreadsheet, numbers stay numbers."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from election_assets.domain.election import Publish
from election_assets.exports import Document
from election_assets.exports.rows import Snapshot
from election_assets.exports.tables import csv_documents, csv_of, harmless, parquet_documents
from tests.support.elections import made_election
from tests.support.exports import HASH, NOW, POSITION, made_snapshot, with_names

NAMES = {"results", "contests", "ballots", "turnout", "history"}


def named(documents: list[Document], name: str) -> Document:
    return next(document for document in documents if document.name.startswith(f"{name}."))


def read_csv(document: Document) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(document.content.decode(), newline="")))


def read_parquet(document: Document) -> pa.Table:
    return pq.read_table(pa.BufferReader(document.content))


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return made_snapshot(made_election("tables"))


def test_every_table_has_a_row_per_row_and_the_same_columns_in_both_formats(snapshot: Snapshot) -> None:
    tables, columns = csv_documents(snapshot), parquet_documents(snapshot)
    assert {one.name for one in tables} == {f"{name}.csv" for name in NAMES}
    assert {one.name for one in columns} == {f"{name}.parquet" for name in NAMES}
    for name in NAMES:
        rows, table = read_csv(named(tables, name)), read_parquet(named(columns, name))
        assert list(rows[0]) == table.column_names
        assert len(rows) == table.num_rows == named(tables, name).row_count == named(columns, name).row_count


def test_both_formats_say_the_same(snapshot: Snapshot) -> None:
    for name in NAMES:
        rows = read_csv(named(csv_documents(snapshot), name))
        for row, values in zip(rows, read_parquet(named(parquet_documents(snapshot), name)).to_pylist(), strict=True):
            assert {column: said(value) for column, value in values.items()} == row


def said(value: Any) -> str:
    """Spell a value of a Parquet file as the CSV has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def test_counts_are_whole_numbers_and_moments_are_utc(snapshot: Snapshot) -> None:
    results, history = (read_parquet(named(parquet_documents(snapshot), name)) for name in ("results", "history"))
    assert results.schema.field("vote_count") == pa.field("vote_count", pa.int64(), nullable=False)
    assert results.schema.field("party") == pa.field("party", pa.string(), nullable=True)
    assert history["as_of_at"][0].as_py() == NOW
    assert read_csv(named(csv_documents(snapshot), "history"))[0]["as_of_at"] == "2026-11-03T22:30:15.250000+00:00"


def test_a_parquet_file_says_which_count_it_is_of(snapshot: Snapshot) -> None:
    metadata = read_parquet(named(parquet_documents(snapshot), "ballots")).schema.metadata
    assert metadata[b"position"] == str(POSITION).encode()
    assert metadata[b"registry_hash"] == HASH.encode()


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_spreadsheet_runs_a_name(begin: str) -> None:
    name = f'{begin}HYPERLINK("http://example","a")'
    assert harmless(name) == f"'{name}"
    snapshot = made_snapshot(with_names(made_election("formula"), "mayor", (name, name, False)))
    for table in ("results", "history"):
        cells = read_csv(named(csv_documents(snapshot), table))[0]
        assert (cells["candidate_name"], cells["party"]) == (f"'{name}", f"'{name}")
        # Parquet is for programs, which run nothing.
        values = read_parquet(named(parquet_documents(snapshot), table)).to_pylist()[0]
        assert values["candidate_name"] == name


def test_a_number_below_zero_stays_a_number() -> None:
    assert csv_of(["change", "name"], [[-3, "-3"]]) == b"change,name\n-3,'-3\n"


@pytest.mark.parametrize("name", ["מועמדת א׳", "مرشح ١", "🗳️ Party 🎉", "Zoë “Z” O'Neil; Jr., Esq.", "two\nlines"])
def test_names_of_every_script_arrive_as_they_are(name: str) -> None:
    snapshot = made_snapshot(with_names(made_election("scripts"), "mayor", (name, None, False)))
    assert read_csv(named(csv_documents(snapshot), "results"))[0]["candidate_name"] == name
    assert read_parquet(named(parquet_documents(snapshot), "results"))["candidate_name"][0].as_py() == name


def test_an_election_without_rows_is_tables_with_columns_alone() -> None:
    bare = made_election("bare", contests=(), ballot_styles=(), precinct_ballot_styles=(), reporting_units=())
    snapshot = made_snapshot(bare, registry_hash=None, counted_at=None)
    for name in NAMES:
        assert read_csv(named(csv_documents(snapshot), name)) == []
        table = read_parquet(named(parquet_documents(snapshot), name))
        assert (table.num_rows, table.column_names[0]) == (0, "election_id")
        assert table.schema.metadata[b"registry_hash"] == b""


def test_unknown_registration_is_an_empty_cell(snapshot: Snapshot) -> None:
    row = read_csv(named(csv_documents(snapshot), "turnout"))[0]
    assert (row["registered_voter_count"], row["turnout_share"], row["ballot_count"]) == ("", "", "80")


def test_before_the_close_there_is_no_figure_of_a_candidate() -> None:
    closes_at = datetime(2026, 11, 4, tzinfo=UTC)
    snapshot = made_snapshot(made_election("later", publish=Publish.AT_CLOSE, closes_at=closes_at))
    assert snapshot.is_withheld
    assert not replace(snapshot, election=replace(snapshot.election, publish="live")).is_withheld
    for name in ("results", "contests", "history"):
        assert read_csv(named(csv_documents(snapshot), name)) == []
    assert {row["blank_count"] for row in read_csv(named(csv_documents(snapshot), "ballots"))} == {""}
    assert {row["ballot_count"] for row in read_csv(named(csv_documents(snapshot), "ballots"))} == {"20"}
