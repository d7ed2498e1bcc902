"""What the Power BI model promises: it is the marts, column for column, and adds nothing up that must not be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.colours import FALLBACK, PARTIES, WRITE_IN
from dashboard.formatting import STATUS_LABELS
from tests.support.tmdl import Node, read_model, read_tmdl

DEFINITION = Path(__file__).parents[2] / "dashboard" / "powerbi" / "Election.SemanticModel" / "definition"
MODEL = read_model(DEFINITION)
TABLES = MODEL.of("table")
MEASURES = {name: (table, one) for table, node in TABLES.items() for name, one in node.of("measure").items()}

TYPES = {
    "text": "string",
    "bigint": "int64",
    "integer": "int64",
    # `decimal` is money in Power BI, with four places: a share would be rounded.
    "numeric": "double",
    "boolean": "boolean",
    "date": "dateTime",
    "timestamptz": "dateTime",
}
# The columns that a key of one column is made of.
UNIT = ("precinct_id", "reporting_unit_id")
KEY_PARTS = {
    "election_id": [("election_id",)],
    "contest_key": [("election_id", "contest_id")],
    "candidate_key": [("election_id", "contest_id", "candidate_id")],
    "reporting_unit_key": [("election_id", unit) for unit in UNIT],
}
WORDS = {"Election status", "Race status", "Count state", "Candidate colour"}
REFERENCE = re.compile(r"(?P<table>\w+)?\[(?P<name>[^\]]+)\]")


def relationships() -> Iterator[tuple[str, str, str, str, Node]]:
    for node in MODEL.of("relationship").values():
        yield (*node.properties["fromColumn"].split("."), *node.properties["toColumn"].split("."), node)


def column(table: str, name: str) -> Node:
    return TABLES[table].of("column")[name]


def dax(node: Node) -> str:
    """Return a measure's formula without its texts, which may hold anything."""
    return re.sub(r'"[^"]*"', '""', node.value)


def data_tests_of(manifest: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") == kind:
            yield node["attached_node"].rpartition(".")[2], node["test_metadata"]["kwargs"]


def test_every_mart_is_a_table_read_live_from_its_view(marts: list[dict[str, Any]]) -> None:
    assert set(TABLES) == {mart["name"] for mart in marts}
    for name, table in TABLES.items():
        (partition,) = table.of("partition").values()
        assert (partition.value, partition.properties["mode"]) == ("m", "directQuery")
        assert partition.properties["source"].split() == [
            *("let", "Source", "=", "PostgreSQL.Database(Server,", "Database),"),
            *("Mart", "=", f'Source{{[Schema="marts",Item="{name}"]}}[Data]', "in", "Mart"),
        ]


def test_columns_have_the_names_types_and_descriptions_of_the_contract(marts: list[dict[str, Any]]) -> None:
    for mart in marts:
        assert TABLES[mart["name"]].description == " ".join(mart["description"].split())
        declared = {
            name: (one.properties["dataType"], one.properties["sourceColumn"], one.description)
            for name, one in TABLES[mart["name"]].of("column").items()
        }
        assert declared == {
            name: (TYPES[one["data_type"]], name, " ".join(one["description"].split()))
            for name, one in mart["columns"].items()
        }


def test_everything_is_described() -> None:
    described = [MODEL.of("model")["Model"], *MODEL.of("expression").values(), *TABLES.values()]
    described += [one for table in TABLES.values() for kind in ("column", "measure") for one in table.of(kind).values()]
    assert [one.name for one in described if not one.description] == []


def test_the_address_is_two_parameters() -> None:
    values = {name: one.value.split(" meta ")[0] for name, one in MODEL.of("expression").items()}
    assert values == {"Server": '"localhost:5432"', "Database": '"election"'}
    assert all("IsParameterQuery=true" in one.value for one in MODEL.of("expression").values())


def test_the_model_lists_its_tables_and_makes_none_by_itself() -> None:
    assert set(MODEL.of("ref table")) == set(TABLES)
    model = MODEL.of("model")["Model"]
    assert MODEL.of("annotation")["__PBI_TimeIntelligenceEnabled"].value == "0"
    assert model.properties["discourageImplicitMeasures"] == "true"
    columns = [one for table in TABLES.values() for one in table.of("column").values()]
    assert {one.properties["summarizeBy"] for one in columns} == {"none"}


def test_relationships_lead_from_hidden_keys_to_keys_unique_by_contract(manifest: dict[str, Any]) -> None:
    unique = {(mart, tuple(kwargs["columns"])) for mart, kwargs in data_tests_of(manifest, "rows_are_unique_by")}
    for table, key, to_table, to_key, _ in relationships():
        assert (to_table, (to_key,)) in unique
        assert column(table, key).properties["dataType"] == column(to_table, to_key).properties["dataType"]
        assert column(table, key).properties["isHidden"] == "true"
        assert column(to_table, to_key).properties["isKey"] == "true"
    keys = [one for table in TABLES.values() for one in table.of("column").values() if one.name.endswith("_key")]
    assert {one.properties.get("isHidden") for one in keys} == {"true"}


def test_only_what_dbt_tests_is_joined_as_if_every_key_were_found(manifest: dict[str, Any]) -> None:
    found = {
        (mart, tuple(kwargs["columns"]), re.findall(r"ref\('(\w+)'\)", kwargs["to"])[0])
        for mart, kwargs in data_tests_of(manifest, "rows_are_found_in")
    }
    for table, key, to_table, _, node in relationships():
        tested = any((table, parts, to_table) in found for parts in KEY_PARTS[key])
        assert ("relyOnReferentialIntegrity" in node.properties) is tested, (table, key)


def test_every_fact_is_reached_and_no_filter_has_two_ways_to_it() -> None:
    ways: dict[str, list[str]] = {name: [] for name in TABLES}
    for table, _, to_table, _, _ in relationships():
        ways[table].append(to_table)

    def reached_from(table: str) -> list[str]:
        return [end for to_table in ways[table] for end in (to_table, *reached_from(to_table))]

    for name in TABLES:
        reached = reached_from(name)
        assert len(reached) == len(set(reached)), name
        assert "dim_elections" in reached or name in ("dim_elections", "dim_reporting_units")


def test_measures_have_one_name_a_format_and_refer_to_what_is_there() -> None:
    assert len(MEASURES) == sum(len(table.of("measure")) for table in TABLES.values())
    for name, (table, one) in MEASURES.items():
        assert name not in TABLES[table].of("column")
        assert ("formatString" in one.properties) is (name not in WORDS), name
        assert one.properties["displayFolder"]
        formula = dax(one)
        assert formula.count("(") == formula.count(")"), name
        for found in REFERENCE.finditer(formula):
            known = TABLES[found["table"]].of("column") if found["table"] else MEASURES
            assert found["name"] in known, (name, found[0])
        assert set(re.findall(r"\b(?:dim|fct)_\w+", formula)) <= set(TABLES), name


def test_columns_are_sorted_by_columns_of_their_table() -> None:
    sorted_by = {
        (table, one.name): one.properties["sortByColumn"]
        for table, node in TABLES.items()
        for one in node.of("column").values()
        if "sortByColumn" in one.properties
    }
    assert set(sorted_by) == {("dim_contests", "contest_name"), ("dim_candidates", "candidate_name")}
    assert all(by in TABLES[table].of("column") for (table, _), by in sorted_by.items())


def test_units_that_lie_in_each_other_are_never_added_up() -> None:
    nested = {"fct_turnout": "HASONEVALUE(dim_reporting_units[reporting_unit_key])"}
    nested["fct_area_results"] = nested["fct_turnout"]
    nested["fct_reporting_progress"] = "dim_reporting_units[is_precinct] = TRUE()"
    for name, (_, one) in MEASURES.items():
        for table, guard in nested.items():
            assert f"{table}[" not in one.value or guard in one.value, name


def test_registered_voters_are_those_of_the_roll_and_blank_where_one_is_unknown() -> None:
    table, registered = MEASURES["Registered voters"]
    assert table == "fct_registration"
    assert "COUNTBLANK(fct_registration[registered_voter_count]) = 0" in registered.value
    assert MEASURES["Turnout"][1].value == "DIVIDE([Ballots], [Registered voters])"


def test_a_share_is_of_all_candidates_of_what_is_chosen() -> None:
    lifted = set(re.findall(r"dim_candidates\[(\w+)\]", MEASURES["Vote share"][1].value))
    assert lifted == set(TABLES["dim_candidates"].of("column")) - {"election_id", "contest_id", "contest_key"}


def test_an_unknown_truth_is_not_counted_as_untrue() -> None:
    loose = re.compile(r"[^=]=\s*FALSE\(\)")
    assert [name for name, (_, one) in MEASURES.items() if loose.search(one.value)] == []


def test_status_and_colours_are_those_of_the_results_page() -> None:
    status = MEASURES["Election status"][1].value
    assert dict(re.findall(r'"(\w+)", "([^"]+)"', status)) == STATUS_LABELS
    colour = MEASURES["Candidate colour"][1].value
    by_party = {
        party: found
        for parties, found in re.findall(r'\[party\]\) (?:=|IN) (.+?), "(#\w+)"', colour)
        for party in re.findall(r'"(\w+)"', parties)
    }
    assert by_party == PARTIES
    assert f'[is_write_in]), "{WRITE_IN}"' in colour
    assert colour.endswith(f'"{FALLBACK[0]}"\n)\n)')


@pytest.mark.parametrize(
    "text", ["table t\n\t\t\tcolumn c", "table t\n\tcolumn c d", "/// of nothing\n\tdataType: string", "table t\n\t= 1"]
)
def test_what_the_reader_does_not_understand_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"x\.tmdl"):
        read_tmdl(text, "x.tmdl")
