"""What the dbt project promises to readers of the marts, read from its manifest without a database."""

import csv
import re
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2] / "dbt_project"
# What Power BI reads without a conversion of its own.
READABLE_TYPES = {"text", "bigint", "integer", "numeric", "boolean", "date", "timestamptz"}

METRICS = (PROJECT.parent / "election_assets" / "metrics" / "reading.py").read_text(encoding="utf-8")

Node = dict[str, Any]


def attached_tests(manifest: dict[str, Any], model: Node, kind: str) -> list[Node]:
    """Return the data tests of one kind that are attached to a model."""
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node.get("attached_node") == model["unique_id"]
        # A test that is a file of its own has none.
        and node.get("test_metadata", {}).get("name") == kind
    ]


def test_the_marts_are_those_agreed_with_their_readers(marts: list[Node]) -> None:
    assert {mart["name"] for mart in marts} == {
        "dim_elections",
        "dim_contests",
        "dim_candidates",
        "dim_reporting_units",
        "fct_candidate_results",
        "fct_adjustments",
        "fct_area_results",
        "fct_ballots",
        "fct_ballots_over_time",
        "fct_registration",
        "fct_contest_results",
        "fct_contest_totals",
        "fct_count_health",
        "fct_data_quality",
        "fct_lead_changes",
        "fct_race_status",
        "fct_reconciliation",
        "fct_reporting_progress",
        "fct_results_history",
        "fct_turnout",
        "fct_turnout_by_group",
        "fct_uncounted_ballots",
    }


def test_every_mart_keeps_an_enforced_contract_of_readable_types(marts: list[Node]) -> None:
    assert [mart["name"] for mart in marts if not mart["config"]["contract"]["enforced"]] == []
    types = {column["data_type"] for mart in marts for column in mart["columns"].values()}
    assert types <= READABLE_TYPES


def test_every_model_and_column_is_described(models: list[Node]) -> None:
    described = {model["name"]: [model, *model["columns"].values()] for model in models}
    assert [name for name, things in described.items() if len(things) == 1] == []
    blank = [
        (name, thing["name"])
        for name, things in described.items()
        for thing in things
        if not thing["description"].strip()
    ]
    assert blank == []


def test_every_mart_has_a_tested_key(manifest: dict[str, Any], marts: list[Node]) -> None:
    assert [mart["name"] for mart in marts if not attached_tests(manifest, mart, "rows_are_unique_by")] == []


def test_keys_for_tools_that_join_on_one_column_are_made_by_one_macro(marts: list[Node]) -> None:
    keys = {"contest_key", "candidate_key", "reporting_unit_key"}
    for mart in marts:
        made = re.findall(r"\{\{ key_of\(\[.*\) \}\} as (\w+)", mart["raw_code"])
        assert set(made) == keys & set(mart["columns"]), mart["name"]


def test_every_fact_carries_the_position(marts: list[Node]) -> None:
    facts = [mart for mart in marts if mart["name"].startswith("fct_")]
    assert [fact["name"] for fact in facts if "position" not in fact["columns"]] == []


def test_only_marts_are_public_and_all_models_have_an_owner(manifest: dict[str, Any], models: list[Node]) -> None:
    access = {model["name"]: model["config"]["access"] for model in models}
    public = {name for name, granted in access.items() if granted == "public"}
    assert public == {model["name"] for model in models if model["schema"] == "marts"}
    assert set(access.values()) == {"public", "private"}
    owned = {group["name"] for group in manifest["groups"].values() if group["owner"]["name"]}
    assert {model["config"]["group"] for model in models} <= owned


def test_every_reader_is_an_exposure_of_the_marts_it_reads(manifest: dict[str, Any], marts: list[Node]) -> None:
    names = {mart["unique_id"]: mart["name"] for mart in marts}
    exposures = {
        exposure["name"]: {names[node] for node in exposure["depends_on"]["nodes"]}
        for exposure in manifest["exposures"].values()
    }
    metrics = {name for name in names.values() if f"marts.{name}" in METRICS}
    assert exposures == {"streamlit": {*names.values()}, "power_bi": {*names.values()}, "prometheus": metrics}


def test_live_marts_are_views_down_to_the_ledger_and_only_history_is_kept(models: list[Node]) -> None:
    kept = {model["name"] for model in models if model["config"]["materialized"] == "incremental"}
    assert kept == {"fct_results_history", "fct_lead_changes"}
    assert {model["config"]["materialized"] for model in models if model["name"] not in kept} == {"view"}


def test_schemas_are_the_same_in_every_environment(manifest: dict[str, Any]) -> None:
    built = [node for node in manifest["nodes"].values() if node["resource_type"] in {"model", "seed"}]
    assert {node["schema"] for node in built} == {"staging", "intermediate", "marts"}


def test_no_model_or_source_leads_to_a_voter(manifest: dict[str, Any], models: list[Node]) -> None:
    sources = {source["identifier"] for source in manifest["sources"].values()}
    assert sources.isdisjoint({"participation", "voters", "voter_profiles"})
    forbidden = re.compile(r"\b(participation|voter_id|voter_number|ballot_id)\b")
    assert [model["name"] for model in models if forbidden.search(model["raw_code"])] == []


def test_the_ledger_is_read_through_views_without_partitions(manifest: dict[str, Any]) -> None:
    ledger = [source["identifier"] for source in manifest["sources"].values() if source["source_name"] == "ledger"]
    assert ledger
    assert [identifier for identifier in ledger if not identifier.endswith("_added_up")] == []


def test_every_unit_test_is_a_claim_about_its_model(manifest: dict[str, Any]) -> None:
    for unit_test in manifest["unit_tests"].values():
        model, separator, claim = unit_test["name"].partition("__")
        assert (model, separator) == (unit_test["model"], "__")
        assert "_" in claim
        # dbt names a temporary relation after it, and Postgres ends names there.
        assert len(unit_test["name"]) <= 63


def test_every_reason_is_explained_in_one_sentence() -> None:
    with (PROJECT / "seeds" / "uncounted_reasons.csv").open(encoding="utf-8", newline="") as file:
        reasons = list(csv.DictReader(file))
    assert len(reasons) == len({reason["reason"] for reason in reasons}) == 16
    assert {reason["verdict"] for reason in reasons} == {"rejected", "quarantined"}
    for reason in reasons:
        sentence = reason["description"]
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(".") == 1
