"""The claim on who may do what: each role times each table and operation, allowed or denied."""

from collections.abc import Callable
from fnmatch import fnmatchcase

import psycopg
import pytest

from election_assets.settings import ROLES, Settings
from tests.support.ledger import owner

OPERATIONS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "D": "truncate"}

# Role → pattern of relations → what it may do with them; the last pattern that fits says it. All else is denied.
MATRIX: dict[str, dict[str, str]] = {
    "registrar": {
        "registry.*": "rawd",
        "registry.methods": "r",
        # What an election office corrects is added to, and stays.
        "registry.adjustments": "ra",
    },
    "counter": {
        "registry.*": "r",
        "registry.voter_profiles": "",
        "ledger.*": "rawd",
        "ledger.*_added_up": "r",
    },
    "builder": {
        "registry.*": "r",
        "registry.voter_profiles": "",
        # Some of its columns: see below.
        "registry.voters": "",
        "ledger.*_added_up": "r",
        "audit.*_added_up": "r",
        "marts*": "rawdD",
        "intermediate*": "rawdD",
        "staging*": "rawdD",
    },
    "reader": {"marts.*": "r"},
    "auditor": {
        "registry.*": "r",
        "registry.voter_profiles": "",
        "ledger.*": "r",
        "audit.verifications": "ra",
    },
}


@pytest.fixture(scope="module")
def relations(settings: Settings, marts: Callable[[], None]) -> list[str]:
    with owner(settings) as connection:
        rows = connection.execute(
            "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'v', 'm', 'p', 'f')"
            " and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1"
        )
        return [name for (name,) in rows]


def may(settings: Settings, role: str, relation: str) -> str:
    """Return the operations that a role has on a relation, where it may enter its schema at all."""
    with owner(settings) as connection:
        row = connection.execute(
            "select has_schema_privilege(%(role)s, split_part(%(relation)s, '.', 1), 'usage'), "
            + ", ".join(f"has_table_privilege(%(role)s, %(relation)s, '{one}')" for one in OPERATIONS.values()),
            {"role": role, "relation": relation},
        ).fetchone()
    assert row is not None
    enters, *allowed = row
    return "".join(letter for letter, one in zip(OPERATIONS, allowed, strict=True) if enters and one)


@pytest.mark.parametrize("role", MATRIX)
def test_each_role_may_do_with_each_table_what_is_written_here(
    settings: Settings, relations: list[str], role: str
) -> None:
    found = {relation: may(settings, role, relation) for relation in relations}
    wanted = {}
    for relation in relations:
        fitting = [allowed for pattern, allowed in MATRIX[role].items() if fnmatchcase(relation, pattern)]
        wanted[relation] = fitting[-1] if fitting else ""
    assert found == wanted


def test_every_role_and_schema_is_in_the_matrix(relations: list[str]) -> None:
    assert MATRIX.keys() == set(ROLES) - {"owner", "dagster"}
    assert {"registry", "ledger", "audit", "marts"} <= {name.split(".")[0] for name in relations}


def test_the_builder_sees_of_the_voters_where_they_vote_and_their_group_alone(settings: Settings) -> None:
    with owner(settings) as connection:
        rows = connection.execute(
            "select attname from pg_attribute where attrelid = 'registry.voters'::regclass and not attisdropped"
            " and has_column_privilege('builder', attrelid, attnum, 'select') order by 1"
        ).fetchall()
    assert [name for (name,) in rows] == [
        *("age_group", "ballot_style_number", "election_number", "gender", "precinct_number")
    ]


@pytest.mark.parametrize("role", ["builder", "reader"])
@pytest.mark.parametrize(
    "statement",
    [
        "select xmin, * from ledger.participation",
        "select ctid, xmin from registry.voters",
        "select xmin, partition from ledger.tallies",
        "select xmin from ledger.tallies_added_up",
        "select partition from ledger.positions",
        "select p.xmin from ledger.participation p join ledger.tallies t on t.xmin = p.xmin",
        "select * from pg_get_wal_records_info('0/0', '0/1')",
        "select pg_read_file('pg_hba.conf')",
        "select passwd from pg_shadow",
    ],
)
def test_nobody_who_reads_results_can_join_a_voter_to_a_batch(settings: Settings, role: str, statement: str) -> None:
    with psycopg.connect(settings.conninfo(role)) as connection, pytest.raises(psycopg.errors.Error) as refused:
        connection.execute(statement.encode())
    assert refused.value.sqlstate in {"42501", "42703", "42883", "42P01"}
