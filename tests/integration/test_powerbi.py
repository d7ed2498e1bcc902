"""Claims about Power BI's way to the marts: its login, what it finds there, its query of each table, its joins."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.postgres import types

from election_assets.casting import cast
from election_assets.corrections import Adjustment, adjust
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.log import opened
from tests.support.tmdl import Node, read_model

MODEL = read_model(
    Path(__file__).parents[2] / "dashboard" / "powerbi" / "Election.SemanticModel" / "definition",
)
TABLES = MODEL.of("table")
ELECTION = generate_election("power-bi", 1_500, seed=4, contests=3, precincts=10)
# What Power BI makes of the types of Postgres.
READ_AS = {
    "text": "string",
    "int8": "int64",
    "int4": "int64",
    "numeric": "double",
    "bool": "boolean",
    "date": "dateTime",
    "timestamptz": "dateTime",
}
# What the connector asks before it reads a row; the navigator is made of the first.
TABLES_ASKED = """
select table_schema, table_name from information_schema.tables
where table_schema not in ('information_schema', 'pg_catalog')
"""
COLUMNS_ASKED = """
select column_name, udt_name from information_schema.columns
where table_schema = 'marts' and table_name = %s order by ordinal_position
"""
ALSO_ASKED = (
    "select character_set_name from information_schema.character_sets",
    "select constraint_name, table_name from information_schema.table_constraints where table_schema = 'marts'",
    "select constraint_name, unique_constraint_name from information_schema.referential_constraints",
    "select constraint_name, column_name, ordinal_position from information_schema.key_column_usage",
)
# What a visual asks: one query over all tables on the way from the slicers to the fact.
VOTES_BY_CANDIDATE = """
select candidates.candidate_id, sum(results.adjusted_vote_count)
from marts.fct_candidate_results as results
inner join marts.dim_candidates as candidates on results.candidate_key = candidates.candidate_key
inner join marts.dim_contests as contests on candidates.contest_key = contests.contest_key
inner join marts.dim_elections as elections on contests.election_id = elections.election_id
where elections.election_name = %s and contests.contest_name = %s
group by candidates.candidate_id
"""


@pytest.fixture(scope="module")
def counted(settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None]) -> Settings:
    """An election that is counted and corrected, so that no mart but those of past elections is empty."""
    opened(settings, ELECTION)
    cast(settings, ELECTION)
    assert count_now(ELECTION.election_id).counted > 0
    contest = ELECTION.contests[0]
    votes = next(one for one in ELECTION.official_results if one.contest_id == contest.contest_id)
    correction = Adjustment(
        "one", contest.contest_id, votes.candidate_id, votes.precinct_id, votes.method, 3, "Late.", "Office"
    )
    adjust(settings.conninfo("registrar"), ELECTION.election_id, correction)
    marts()
    return settings


@pytest.fixture
def power_bi(counted: Settings) -> Iterator[psycopg.Connection]:
    """Log in as Power BI does to an engine without TLS: over TCP, as `reader`, encryption unticked."""
    with psycopg.connect(
        host=counted.postgres_host,
        port=counted.postgres_port,
        dbname=counted.postgres_database,
        user="reader",
        password=counted.passwords["reader"],
        sslmode="disable",
    ) as connection:
        yield connection


def test_it_logs_in_over_tcp_and_not_with_a_wrong_password(counted: Settings, power_bi: psycopg.Connection) -> None:
    assert power_bi.execute("select current_user, inet_server_port()").fetchone() == ("reader", counted.postgres_port)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=counted.postgres_host,
            port=counted.postgres_port,
            dbname=counted.postgres_database,
            user="reader",
            password="guessed",
            sslmode="disable",
        )


def test_it_finds_the_marts_and_nothing_else(power_bi: psycopg.Connection) -> None:
    assert set(power_bi.execute(TABLES_ASKED)) == {("marts", name) for name in TABLES}
    for statement in ALSO_ASKED:
        power_bi.execute(statement.encode())


@pytest.mark.parametrize("table", TABLES)
def test_it_reads_each_table_with_the_columns_and_types_of_the_model(power_bi: psycopg.Connection, table: str) -> None:
    columns = TABLES[table].of("column")
    declared = {name: one.properties["dataType"] for name, one in columns.items()}
    assert {name: READ_AS[kind] for name, kind in power_bi.execute(COLUMNS_ASKED, (table,))} == declared
    sources = [sql.Identifier(one.properties["sourceColumn"]) for one in columns.values()]
    found = power_bi.execute(
        sql.SQL("select {} from marts.{}").format(sql.SQL(", ").join(sources), sql.Identifier(table))
    )
    assert found.description is not None
    assert [(one.name, READ_AS[types[one.type_code].name]) for one in found.description] == list(declared.items())
    # This election is no past one, and all of its messages are counted.
    assert found.fetchone() is not None or table in {"fct_data_quality", "fct_uncounted_ballots"}


@pytest.mark.parametrize(
    "relationship", MODEL.of("relationship").values(), ids=lambda one: one.properties["fromColumn"]
)
def test_a_join_by_key_loses_and_doubles_no_row(power_bi: psycopg.Connection, relationship: Node) -> None:
    table, key = relationship.properties["fromColumn"].split(".")
    to_table, to_key = relationship.properties["toColumn"].split(".")
    names = {"table": table, "key": key, "to_table": to_table, "to_key": to_key}
    query = sql.SQL(
        "select count(*), count(other.to_key), (select count(*) from marts.{table}) from marts.{table} as one"
        " left join (select {to_key} as to_key from marts.{to_table}) as other on one.{key} = other.to_key"
    ).format(**{name: sql.Identifier(value) for name, value in names.items()})
    joined, matched, rows = power_bi.execute(query).fetchone() or ()
    assert joined == matched == rows


def test_a_visual_adds_up_to_the_contests_own_results(power_bi: psycopg.Connection) -> None:
    for contest in ELECTION.contests:
        shown = dict(power_bi.execute(VOTES_BY_CANDIDATE, (ELECTION.election_name, contest.contest_name)).fetchall())
        results = power_bi.execute(
            "select candidate_id, adjusted_vote_count from marts.fct_contest_results"
            " where election_id = %s and contest_id = %s",
            (ELECTION.election_id, contest.contest_id),
        )
        assert shown == dict(results.fetchall())
        assert sum(shown.values()) > 0
