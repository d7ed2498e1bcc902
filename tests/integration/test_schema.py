"""Claims about the schema's files: each is applied once, an upgrade keeps what is there, other hands are refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pyspark.sql import SparkSession

from election_assets import schema
from election_assets.errors import PermanentError
from election_assets.schema import install_schema
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.elections import made_election
from tests.support.installations import counted_there, empty_database
from tests.support.ledger import ledger_of, owner, positions_of
from tests.support.log import appended, opened
from tests.support.mixture import mixture

Count = Callable[..., CountFigures]

FILES = [file.name for file in sorted(schema.FOLDER.glob("*.sql"))]
BEFORE_HISTORY = FILES[:5]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this version's files in place of them, to be changed."""
    place = Path(shutil.copytree(schema.FOLDER, tmp_path / "sql"))
    monkeypatch.setattr(schema, "FOLDER", place)
    return place


def only(folder: Path, names: list[str]) -> None:
    for file in folder.glob("*.sql"):
        if file.name not in names:
            file.unlink()


def tables_in(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Return the tables of registry and ledger with their columns."""
    rows = connection.execute(
        "select table_schema || '.' || table_name, array_agg(column_name::text order by ordinal_position)"
        " from information_schema.columns join information_schema.tables using (table_schema, table_name)"
        " where table_schema in ('registry', 'ledger') and table_type = 'BASE TABLE' group by 1"
    )
    return dict(rows.fetchall())


def copied_rows(settings: Settings, there: Settings) -> dict[str, list[str]]:
    """Copy all rows that the older schema has columns for, as its own version would have written them."""
    with owner(settings) as source, owner(there) as target:
        target.execute("set session_replication_role = replica")
        tables = {name: columns for name, columns in tables_in(target).items() if name != "registry.methods"}
        for name, columns in tables.items():
            table, listed = sql.Identifier(*name.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
            reading = sql.SQL("copy (select {} from {}) to stdout").format(listed, table)
            writing = sql.SQL("copy {} ({}) from stdin").format(table, listed)
            with source.cursor().copy(reading) as read, target.cursor().copy(writing) as write:
                for block in read:
                    write.write(block)
    return tables


def rows_in(settings: Settings, tables: dict[str, list[str]]) -> dict[str, list[tuple[str]]]:
    with owner(settings) as connection:
        return {
            name: connection.execute(
                sql.SQL("select row({})::text as one from {} order by one").format(
                    sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(*name.split("."))
                )
            ).fetchall()
            for name, columns in tables.items()
        }


def test_files_are_applied_in_order_and_once(settings: Settings) -> None:
    fresh = empty_database(settings, "applied-once")
    assert install_schema(fresh.conninfo("owner")) == FILES
    assert install_schema(fresh.conninfo("owner")) == []


@pytest.mark.slow
def test_a_database_of_the_version_before_keeps_its_rows_and_counts_on(
    settings: Settings,
    count_now: Count,
    spark_session: SparkSession,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    election = made_election("upgraded")
    opened(settings, election)
    messages = [cast.message for cast in mixture(election, seed=31)]
    appended(settings, "upgraded", messages[:200])
    count_now("upgraded")

    there = empty_database(settings, "upgraded")
    only(folder, BEFORE_HISTORY)
    assert install_schema(there.conninfo("owner")) == BEFORE_HISTORY
    tables = copied_rows(settings, there)
    before = rows_in(there, tables)
    assert before["ledger.participation"]
    monkeypatch.undo()
    assert install_schema(there.conninfo("owner")) == FILES[5:]
    assert rows_in(there, tables) == before
    groups = {"registry.voter_group_sizes": ["election_id", "reporting_unit_id", "age_group", "gender", "voter_count"]}
    assert rows_in(there, groups) == rows_in(settings, groups)

    appended(settings, "upgraded", messages[200:])
    counted_there(spark_session, there, "upgraded")
    assert positions_of(there, "upgraded")["next_offset"] == len(messages)
    count_now("upgraded")
    assert ledger_of(there, "upgraded") == ledger_of(settings, "upgraded")


def test_a_database_of_a_newer_version_is_refused(settings: Settings, folder: Path) -> None:
    newer = empty_database(settings, "newer")
    (folder / "999_from_the_future.sql").write_text("create table registry.from_the_future (id text)")
    install_schema(newer.conninfo("owner"))
    (folder / "999_from_the_future.sql").unlink()
    with pytest.raises(PermanentError, match=r"A newer version made this database: 999_from_the_future\.sql"):
        install_schema(newer.conninfo("owner"))


def test_an_applied_file_that_was_changed_is_refused_and_nothing_is_applied(settings: Settings, folder: Path) -> None:
    changed = empty_database(settings, "changed")
    only(folder, BEFORE_HISTORY)
    install_schema(changed.conninfo("owner"))
    (folder / "999_next.sql").write_text("create table registry.next (id text)")
    with (folder / "005_grants.sql").open("a") as file:
        file.write("grant all on all tables in schema ledger to reader;\n")
    with pytest.raises(PermanentError, match=r"005_grants\.sql was changed since it was applied .* the next number"):
        install_schema(changed.conninfo("owner"))
    with owner(changed) as connection:
        assert "registry.next" not in tables_in(connection)


def test_a_database_from_before_sums_were_kept_gets_them(settings: Settings, folder: Path) -> None:
    older = empty_database(settings, "without-sums")
    install_schema(older.conninfo("owner"))
    with owner(older) as connection:
        connection.execute("alter table public.schema_files drop column sha256")
    assert install_schema(older.conninfo("owner")) == []
    with (folder / "006_history.sql").open("a") as file:
        file.write("-- another\n")
    with pytest.raises(PermanentError, match=r"006_history\.sql was changed"):
        install_schema(older.conninfo("owner"))
