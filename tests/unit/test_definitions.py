"""Claims about the asset graph: it loads before any engine runs, and shows the whole road of a ballot."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from election_assets.dbt import current_manifest
from election_assets.definitions import build_definitions
from election_assets.schema import FOLDER

GROUPS = ("registry", "votes", "ledger", "marts", "reports")
DEMO = "adams-2020"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which no engine was ever started."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def manifest(home: Path) -> Path:
    return current_manifest(home, {})


@pytest.fixture(scope="module")
def definitions(home: Path, manifest: Path) -> dg.Definitions:
    return build_definitions({"ELECTION_HOME": str(home)}, json.loads(manifest.read_bytes()))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> Mapping[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def executable(definitions: dg.Definitions) -> set[dg.AssetKey]:
    return set(definitions.resolve_asset_graph().executable_asset_keys)


def upstream(specs: Mapping[str, dg.AssetSpec], key: str) -> set[str]:
    """Everything that an asset is made from, however far away."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for dep in specs[waiting.pop()].deps:
            name = dep.asset_key.to_user_string()
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def test_the_graph_loads_before_any_engine_was_started(definitions: dg.Definitions, home: Path) -> None:
    dg.Definitions.validate_loadable(definitions)
    assert not (home / "engines.env").exists()


def test_the_project_is_not_parsed_again_while_it_stays_the_same(home: Path, manifest: Path) -> None:
    before = manifest.stat().st_mtime_ns
    assert current_manifest(home, {}).stat().st_mtime_ns == before


def test_every_asset_is_in_one_of_the_layers(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert {spec.group_name for spec in specs.values()} == set(GROUPS)
    for name, spec in specs.items():
        layer = spec.key.path[0]
        assert layer == spec.group_name or (layer in ("staging", "intermediate") and spec.group_name == "marts"), name


def test_every_asset_is_described_and_what_we_make_has_an_owner(
    definitions: dg.Definitions, specs: Mapping[str, dg.AssetSpec]
) -> None:
    assert [name for name, spec in specs.items() if not spec.description] == []
    made = executable(definitions)
    assert [name for name, spec in specs.items() if spec.key in made and not (spec.owners and spec.kinds)] == []


@pytest.mark.parametrize("schema", ["registry", "ledger"])
def test_every_table_is_an_asset(schema: str, specs: Mapping[str, dg.AssetSpec]) -> None:
    ddl = "\n".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.sql")))
    tables = set(re.findall(rf"create table {schema}\.(\w+)", ddl))
    # The list of methods is part of the schema, the sizes of groups of the roll; files are what comes into it, and
    # recounts are kept in a schema of their own.
    expected = {f"{schema}/{table}" for table in tables - {"methods", "voter_group_sizes"}}
    others = {"registry/loaded_files", "ledger/verifications"}
    assert {name for name in specs if name.startswith(f"{schema}/")} - others == expected


@pytest.mark.parametrize(
    "reader",
    [
        "reports/streamlit",
        "reports/power_bi",
        "reports/reconciliation",
        "reports/published_results",
        "reports/evidence_bundle",
    ],
)
def test_what_is_read_can_be_followed_back_to_the_registry(reader: str, specs: Mapping[str, dg.AssetSpec]) -> None:
    road = {
        "registry/elections",
        "registry/candidates",
        "registry/voters",
        "votes/votes_topic",
        "votes/raw_votes",
        "ledger/tallies",
        "staging/stg_ledger__tallies",
        "marts/fct_candidate_results",
    }
    assert road <= upstream(specs, reader)


def test_the_results_topic_is_made_from_the_ledger(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert "ledger/tallies" in upstream(specs, "reports/results_vote_per_candidate_topic")


def test_only_readers_and_what_people_add_by_command_is_not_made_here(
    definitions: dg.Definitions, specs: Mapping[str, dg.AssetSpec]
) -> None:
    made = executable(definitions)
    readers = {"reports/streamlit", "reports/power_bi", "reports/prometheus"}
    added = {"registry/adjustments"}
    assert {name for name, spec in specs.items() if spec.key not in made} == readers | added


def test_an_election_is_a_partition_and_the_marts_hold_all_of_them(specs: Mapping[str, dg.AssetSpec]) -> None:
    of_all = ("reports/streamlit", "reports/power_bi", "reports/prometheus", "reports/dbt_documentation")
    for name, spec in specs.items():
        if spec.group_name == "marts" or name in of_all:
            assert spec.partitions_def is None, name
        else:
            assert isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition), name
            assert spec.partitions_def.name == "elections"


def test_every_mart_has_tests_as_checks(definitions: dg.Definitions, specs: Mapping[str, dg.AssetSpec]) -> None:
    checked = {key.asset_key.to_user_string() for key in definitions.resolve_asset_graph().asset_check_keys}
    assert {name for name in specs if name.startswith("marts/")} <= checked
    assert "reports/reconciliation" in checked


def test_one_dbt_build_runs_at_a_time(definitions: dg.Definitions) -> None:
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["marts", "fct_turnout"]))
    assert node.pools == {"dbt"}


def test_checking_the_marts_builds_nothing(definitions: dg.Definitions) -> None:
    layer = definitions.resolve_job_def("check_marts_job").asset_layer
    assert layer.selected_asset_keys == set()
    assert {key.asset_key.path[0] for key in layer.asset_graph.asset_check_keys} >= {"marts"}


def test_every_mart_shows_its_columns(specs: Mapping[str, dg.AssetSpec]) -> None:
    for name, spec in specs.items():
        if name.startswith("marts/"):
            assert all(column.description for column in spec.metadata["dagster/column_schema"].columns), name


def test_the_page_and_the_documentation_are_linked(specs: Mapping[str, dg.AssetSpec], home: Path) -> None:
    assert specs["reports/streamlit"].metadata["link"].value == "http://127.0.0.1:8501"
    docs = specs["marts/fct_turnout"].metadata["dbt docs"].value
    assert docs == f"{home}/dbt/target/static_index.html#!/model/model.election.fct_turnout"


def test_the_whole_road_leaves_nothing_out(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("whole_road_job")
    assert set(job.asset_layer.executable_asset_keys) == executable(definitions)


def test_history_follows_one_election_where_another_was_never_counted(definitions: dg.Definitions) -> None:
    history, snapshots = dg.AssetKey(["marts", "fct_results_history"]), dg.AssetKey(["ledger", "snapshots"])
    graph = definitions.resolve_asset_graph()
    began_at, requested, cursor = datetime.now(UTC).replace(second=10) - timedelta(minutes=3), 0, None
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", ["counted", "only-registered"])
        for key in graph.materializable_asset_keys:
            if graph.get(key).partitions_def is None:
                instance.report_runless_asset_event(dg.AssetMaterialization(key))
        for tick in range(7):
            instance.report_runless_asset_event(dg.AssetMaterialization(snapshots, partition="counted"))
            found = dg.evaluate_automation_conditions(
                definitions,
                instance,
                asset_selection=dg.AssetSelection.groups("marts"),
                evaluation_time=began_at + tick * timedelta(seconds=30),
                cursor=cursor,
            )
            cursor = found.cursor
            requested += found.get_num_requested(history)
    assert requested == 3


@pytest.mark.parametrize("job_name", ["load_file_job", "count_ballots_job", "whole_road_job"])
def test_a_job_on_one_election_runs_without_typing(job_name: str, definitions: dg.Definitions) -> None:
    dg.validate_run_config(definitions.resolve_job_def(job_name))


def test_loading_without_a_file_loads_nothing_and_needs_no_engines(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", [DEMO])
        done = definitions.resolve_job_def("load_file_job").execute_in_process(instance=instance, partition_key=DEMO)
    (loaded,) = done.asset_materializations_for_node("registry__loaded_files")
    assert {name: value.value for name, value in loaded.metadata.items()} == {"loaded": 0, "bad": 0}


def test_an_asset_without_engines_says_what_comes_first(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", [DEMO])
        job = definitions.resolve_job_def("whole_road_job")
        done = job.execute_in_process(instance=instance, partition_key=DEMO, raise_on_error=False)
    failed = [event.step_failure_data for event in done.all_events if event.is_step_failure]
    assert len(failed) == 1
    assert failed[0].user_failure_data is not None
    assert "`election up`" in (failed[0].user_failure_data.description or "")
    assert not [event for event in done.all_events if event.is_step_up_for_retry]
