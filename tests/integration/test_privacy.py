"""Claims about who may see what: Postgres holds no choice beside a voter, and each role reads its part alone."""

from collections.abc import Callable

import psycopg
import pytest

from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.elections import made_election
from tests.support.ledger import owner
from tests.support.log import appended, opened
from tests.support.mixture import mixture

Count = Callable[..., CountFigures]

VOTER_KEYS = {"voter_id", "voter_number", "ballot_id"}
CHOICES = {"contest_id", "contest_number", "candidate_id", "candidate_number", "selections", "vote_count"}
LEDGER_TABLES = (
    "positions",
    "count_runs",
    "participation",
    "ballot_counts",
    "voter_group_counts",
    "arrivals",
    "contest_ballots",
    "tallies",
    "snapshots",
    "snapshot_tallies",
    "uncounted",
    "batches",
)


@pytest.fixture(scope="module", autouse=True)
def counted(settings: Settings, count_now: Count) -> None:
    """An election in the ledger, so that there is something to see."""
    election = made_election("private", voters_each=10)
    opened(settings, election)
    appended(settings, "private", [cast.message for cast in mixture(election, seed=8)])
    count_now("private")


def denied(settings: Settings, role: str, statement: str) -> bool:
    """Tell whether a role may not do this; what it may do is not kept."""
    with psycopg.connect(settings.conninfo(role)) as connection:
        try:
            connection.execute(statement.encode())
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
            return True
        finally:
            connection.rollback()
    return False


def relations(settings: Settings) -> dict[str, set[str]]:
    """Return the columns of every table and view, by schema and name."""
    with owner(settings) as connection:
        rows = connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        )
        found: dict[str, set[str]] = {}
        for relation, column in rows:
            found.setdefault(relation, set()).add(column)
    return found


def test_no_relation_has_a_voter_beside_a_choice(settings: Settings) -> None:
    found = relations(settings)
    assert {"ledger.participation", "ledger.tallies", "registry.voters"} <= found.keys()
    assert [name for name, columns in found.items() if columns & VOTER_KEYS and columns & CHOICES] == []


def test_who_voted_is_kept_without_how_when_or_where_in_the_log(settings: Settings) -> None:
    assert relations(settings)["ledger.participation"] == {"election_number", "voter_number", "ballot_id"}


def test_nothing_of_a_message_is_kept_outside_the_log(settings: Settings) -> None:
    with owner(settings) as connection:
        rows = connection.execute(
            "select table_schema || '.' || table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'ledger' and data_type not in"
            " ('integer', 'smallint', 'bigint', 'timestamp with time zone')"
        ).fetchall()
    texts = {(relation.removeprefix("ledger."), column) for relation, column, _ in rows}
    assert {column for relation, column in texts if not relation.endswith("_added_up")} == {
        *("run_id", "ended_why", "ballot_id", "age_group", "gender", "verdict", "reason")
    }


@pytest.mark.parametrize("role", ["builder", "reader", "registrar"])
def test_participation_is_out_of_reach(settings: Settings, role: str) -> None:
    for statement in (
        "select * from ledger.participation",
        "select count(*) from ledger.participation",
        "select 1 from ledger.participation where voter_number = 1",
        "copy ledger.participation to stdout",
        "create view marts.peek as select * from ledger.participation; select * from marts.peek",
        "set role counter",
        "set role owner",
    ):
        assert denied(settings, role, statement), statement


@pytest.mark.parametrize("role", ["builder", "reader", "registrar"])
def test_no_view_or_function_that_a_role_may_use_reaches_participation(settings: Settings, role: str) -> None:
    with owner(settings) as connection:
        through = connection.execute(
            "select c.oid::regclass::text from pg_rewrite r join pg_class c on c.oid = r.ev_class"
            " join pg_depend d on d.objid = r.oid and d.refobjid = 'ledger.participation'::regclass"
            " where has_table_privilege(%s, c.oid, 'select')",
            (role,),
        ).fetchall()
        borrowed = connection.execute(
            "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
            " where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')"
            " and has_function_privilege(%s, p.oid, 'execute')",
            (role,),
        ).fetchall()
    assert (through, borrowed) == ([], [])


@pytest.mark.parametrize("table", LEDGER_TABLES)
def test_only_counter_and_auditor_read_the_ledgers_tables_and_only_the_counter_writes(
    settings: Settings, table: str
) -> None:
    reads = {role: not denied(settings, role, f"select * from ledger.{table}") for role in ROLES}
    writes = {role: not denied(settings, role, f"delete from ledger.{table}") for role in ROLES}
    assert {role for role, may in reads.items() if may} == {"counter", "auditor"}
    assert {role for role, may in writes.items() if may} == {"counter"}


ROLES = ("registrar", "counter", "builder", "reader", "auditor")


def test_the_registrar_has_no_part_in_the_ledger(settings: Settings) -> None:
    for table in LEDGER_TABLES:
        for statement in (
            f"update ledger.{table} set election_number = 1",
            f"truncate ledger.{table}",
            f"insert into ledger.{table} default values",
        ):
            assert denied(settings, "registrar", statement), statement


@pytest.mark.parametrize("role", ["counter", "builder", "reader", "auditor"])
def test_only_the_registrar_writes_the_registry(settings: Settings, role: str) -> None:
    for table in ("elections", "contests", "candidates", "voters"):
        assert denied(settings, role, f"delete from registry.{table}")
        assert denied(settings, role, f"insert into registry.{table} default values")


@pytest.mark.parametrize("role", ["counter", "builder", "reader", "auditor"])
def test_only_the_registrar_reads_who_the_voters_are(settings: Settings, role: str) -> None:
    assert denied(settings, role, "select full_name from registry.voter_profiles")
    assert denied(settings, role, "select voter_id from registry.voters") is (role in ("builder", "reader"))


def test_the_builder_reads_the_ledger_through_views_that_add_the_partitions_up(settings: Settings) -> None:
    views = sorted(name for name in relations(settings) if name.startswith("ledger.") and name.endswith("_added_up"))
    assert len(views) == 10
    for view in views:
        assert not denied(settings, "builder", f"select * from {view}")
        assert not {"partition", "offset", "epoch", "run_id"} & relations(settings)[view]


def test_the_reader_reads_marts_alone_and_writes_nowhere(settings: Settings) -> None:
    outside = [name for name in relations(settings) if not name.startswith("marts.")]
    assert len(outside) > 20
    assert [name for name in outside if not denied(settings, "reader", f"select * from {name}")] == []
    with psycopg.connect(settings.conninfo("builder")) as builder:
        builder.execute("create or replace view marts.reading as select 1 as one")
    assert not denied(settings, "reader", "select one from marts.reading")
    with psycopg.connect(settings.conninfo("builder")) as builder:
        builder.execute("drop view marts.reading")
    for statement in ("create table marts.mine (n int)", "create temporary table mine (n int)"):
        assert denied(settings, "reader", statement)
        assert denied(settings, "reader", f"set transaction read write; {statement}")


def test_no_role_but_the_owner_is_a_superuser_or_may_become_another(settings: Settings) -> None:
    with owner(settings) as connection:
        powerful = connection.execute(
            "select rolname from pg_roles where rolname = any(%s)"
            " and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
            (list(ROLES),),
        ).fetchall()
        members = connection.execute(
            "select 1 from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = any(%s)",
            (list(ROLES),),
        ).fetchall()
    assert (powerful, members) == ([], [])


def test_the_database_is_closed_to_everyone_else(settings: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(settings.conninfo("dagster", database=settings.postgres_database))
