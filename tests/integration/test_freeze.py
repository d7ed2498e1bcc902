"""Claims about the freeze: what an open election was opened with cannot be changed, not even by the registrar."""

from collections.abc import Iterator

import psycopg
import pytest

from election_assets.errors import PermanentError
from election_assets.registry import register
from election_assets.settings import Settings
from tests.support.elections import made_election
from tests.support.log import opened

BY_NUMBER = ("voters", "voter_profiles")
BY_ID = (
    "election_methods",
    "contests",
    "candidates",
    "reporting_units",
    "ballot_styles",
    "ballot_style_contests",
    "precinct_ballot_styles",
    "voter_group_sizes",
    "official_results",
    "official_ballots",
    "contradictions",
)
# What is said of an open election beside its registry: no ballot is judged by it.
NOT_FROZEN = {"methods", "elections", "adjustments", "baselines"}
OPEN = {
    **dict.fromkeys(BY_ID, "election_id = 'frozen'"),
    **dict.fromkeys(
        BY_NUMBER,
        "election_number = (select election_number from registry.elections where election_id = 'frozen')",
    ),
}
# A row of each table that no other row is in the way of, and one of the draft's to be moved.
ROWS = {
    "election_methods": "values ({id}, 'early')",
    "contests": "values ({id}, 'sheriff', 9, 'Sheriff', 'Sheriff', null, 1)",
    "candidates": "values ({id}, 'mayor', 'zoe', 9, 'Zoe', null, false)",
    "reporting_units": "values ({id}, 'west', 9, 'West', 'precinct', 'county', null)",
    "ballot_styles": "values ({id}, 'extra', 9)",
    "ballot_style_contests": "values ({id}, 'short', 'bridge')",
    "precinct_ballot_styles": "values ({id}, 'north', 'bridge-only', 1)",
    "voter_group_sizes": "values ({id}, 'north', '18-24', 'female', 1)",
    "official_results": "values ({id}, 'mayor', 'ann', 'north', 'mail', 7)",
    "official_ballots": "values ({id}, 'north', 'mail', 7, 0)",
    "contradictions": "values ({id}, 9, 'kind', null, null, null, null, 'cell', '1', '2', 'none', null)",
    "voters": "select election_number, 'newcomer', 999, 2, 1, '65+', 'female' from registry.elections"
    " where election_id = {id}",
    "voter_profiles": "select election_number, 'newcomer', 'New Comer', null, null, null, null, null, null"
    " from registry.elections where election_id = {id}",
}


def insertion(table: str, election_id: str) -> bytes:
    """Spell the insertion of the table's row of ROWS for an election."""
    row = ROWS[table].format(id=f"'{election_id}'")
    return f"insert into registry.{table} {row}".encode()


@pytest.fixture(scope="module", autouse=True)
def elections(settings: Settings) -> None:
    """One election that is open, with a row in every table, and a draft."""
    frozen = made_election("frozen", voters_each=3)
    register(settings.conninfo("registrar"), frozen)
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        connection.execute(
            "insert into registry.official_results values ('frozen', 'mayor', 'bob', 'north', 'mail', 7);"
            "insert into registry.official_ballots values ('frozen', 'south', 'mail', 7, 0);"
            "insert into registry.contradictions"
            " values ('frozen', 1, 'kind', null, null, null, null, 'cell', '1', '2', 'none', null)"
        )
    opened(settings, frozen)
    register(settings.conninfo("registrar"), made_election("draft-beside", voters_each=3))


@pytest.fixture
def registrar(settings: Settings) -> Iterator[psycopg.Connection]:
    """The registrar's connection; nothing that a test did stays."""
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        yield connection
        connection.rollback()


def test_every_table_of_an_election_is_tried_here(registrar: psycopg.Connection) -> None:
    rows = registrar.execute(
        "select table_name from information_schema.tables where table_schema = 'registry' and table_type = 'BASE TABLE'"
    )
    assert {name for (name,) in rows} - NOT_FROZEN == {*BY_ID, *BY_NUMBER} == ROWS.keys()


@pytest.mark.parametrize("table", ROWS)
@pytest.mark.parametrize("change", ["insert", "update", "delete", "move in", "truncate"])
def test_no_row_of_an_open_election_changes(registrar: psycopg.Connection, table: str, change: str) -> None:
    key = "election_number" if table in BY_NUMBER else "election_id"
    target = f"(select {key} from registry.elections where election_id = 'frozen')"
    if change == "move in":
        registrar.execute(insertion(table, "draft-beside"))
    statement = {
        "insert": insertion(table, "frozen").decode(),
        "update": f"update registry.{table} set {key} = {key} where {OPEN[table]}",
        "delete": f"delete from registry.{table} where {OPEN[table]}",
        "move in": f"update registry.{table} set {key} = {target} where not ({OPEN[table]}) and {_newest(table)}",
        "truncate": f"truncate registry.{table} cascade",
    }[change]
    with pytest.raises(psycopg.Error, match=r"is frozen|cannot be truncated|permission denied"):
        registrar.execute(statement.encode())


def _newest(table: str) -> str:
    """Return a condition that names the row of ROWS alone."""
    return {
        "election_methods": "method = 'early'",
        "contests": "contest_id = 'sheriff'",
        "candidates": "candidate_id = 'zoe'",
        "reporting_units": "reporting_unit_id = 'west'",
        "ballot_styles": "ballot_style_id = 'extra'",
        "ballot_style_contests": "ballot_style_id = 'short' and contest_id = 'bridge'",
        "precinct_ballot_styles": "precinct_id = 'north' and ballot_style_id = 'bridge-only'",
        "voter_group_sizes": "reporting_unit_id = 'north'",
        "official_results": "candidate_id = 'ann' and method = 'mail'",
        "official_ballots": "precinct_id = 'north' and method = 'mail'",
        "contradictions": "contradiction_number = 9",
    }.get(table, "voter_id = 'newcomer'")


@pytest.mark.parametrize(
    "statement",
    [
        "delete from registry.elections where election_id = 'frozen'",
        "truncate registry.elections cascade",
        *(
            f"update registry.elections set {change} where election_id = 'frozen'"
            for change in (
                "opens_at = now(), closes_at = now() + interval '1 day'",
                "opened_at = null, registry_hash = null, topic_id = null",
                "registry_hash = repeat('0', 64)",
                "topic_id = 'another'",
                "partition_count = 9",
                "election_name = 'Another'",
                "election_id = 'renamed'",
            )
        ),
    ],
)
def test_the_election_itself_stays_as_it_was_opened(registrar: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error, match=r"is frozen|cannot be truncated|permission denied"):
        registrar.execute(statement.encode())


def test_its_status_alone_may_change(registrar: psycopg.Connection) -> None:
    changed = registrar.execute("update registry.elections set status = 'certified' where election_id = 'frozen'")
    assert changed.rowcount == 1


def test_a_draft_may_change_beside_it(registrar: psycopg.Connection) -> None:
    for table in ROWS:
        registrar.execute(insertion(table, "draft-beside"))
    assert registrar.execute("delete from registry.elections where election_id = 'draft-beside'").rowcount == 1


def test_another_election_cannot_be_registered_under_its_id(settings: Settings) -> None:
    with pytest.raises(PermanentError, match="Register this one under another id"):
        register(settings.conninfo("registrar"), made_election("frozen", voters_each=4))
    assert not register(settings.conninfo("registrar"), made_election("frozen", voters_each=3)).is_new
