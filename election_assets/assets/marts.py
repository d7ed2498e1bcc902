"""The dbt project: its models, from staging to marts, its sources' freshness, its documentation, and who reads it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from election_assets.assets.ledger import SNAPSHOTS
from election_assets.assets.outcomes import plain_failures
from election_assets.automation import BUILT_WHEN_CHANGED, FOLLOWS_THE_COUNT
from election_assets.dbt import BUILD, check_freshness, dbt_environment, docs_file, write_docs
from election_assets.environment import variables
from election_assets.errors import PermanentError
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import row_count
from election_assets.settings import Settings

Manifest = Mapping[str, Any]

_HISTORY = "history"
_KINDS = {"power_bi": "powerbi"}


class _Translator(DagsterDbtTranslator):
    """Dagster's own reading of a dbt project; all of it belongs to the role that builds it."""

    def __init__(self, docs: Path) -> None:
        super().__init__()
        self._docs = docs

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return dagster-dbt's metadata, and where a model's page of documentation is once `make docs` wrote it."""
        page = f"{self._docs}#!/{dbt_resource_props['resource_type']}/{dbt_resource_props['unique_id']}"
        return {**super().get_metadata(dbt_resource_props), "dbt docs": dg.MetadataValue.path(page)}

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Return who answers for a model."""
        return ["team:builder"]

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition[Any]:
        """Return when a model is built by itself."""
        is_kept = _HISTORY in dbt_resource_props["tags"]
        condition: dg.AutomationCondition[Any] = FOLLOWS_THE_COUNT if is_kept else BUILT_WHEN_CHANGED
        return condition

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Return dagster-dbt's spec; between history and the snapshots are views, which no snapshot materializes."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        model = manifest["nodes"].get(unique_id, {})
        return spec.merge_attributes(deps=[SNAPSHOTS]) if _HISTORY in model.get("tags", ()) else spec


def marts_of(manifest: Manifest, home: Path) -> dg.AssetsDefinition:
    """Return the project's models as assets and its tests as checks; one build at a time."""
    translator = _Translator(docs_file(home))

    @dbt_assets(manifest=manifest, name="marts", dagster_dbt_translator=translator, pool="dbt")
    def marts(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[LazySettings]
    ) -> Iterator[Any]:
        """Build what is selected, and test it."""
        with plain_failures():
            found = settings.read()
            with variables(dbt_environment(found)):
                # One folder for all builds, since there is one at a time: dbt then reads only what changed.
                build = dbt.cli(BUILD, context=context, target_path=found.home / "dbt" / "dagster")
                for event in build.stream():
                    yield _with_row_count(context, event, found) if isinstance(event, dg.Output) else event

    return marts


def _with_row_count(context: dg.AssetExecutionContext, event: dg.Output[Any], settings: Settings) -> dg.Output[Any]:
    """Add the rows of a mart; dagster-dbt counts those of tables only, and the marts are views."""
    schema, name = context.asset_key_for_output(event.output_name).path
    if schema != "marts":
        return event
    return event.with_metadata(
        {**event.metadata, "dagster/row_count": row_count(settings.conninfo("builder"), schema, name)}
    )


@dg.asset_check(
    asset=["staging", "stg_ledger__positions"],
    name="its_source_is_fresh",
    description="`dbt source freshness`: where messages wait, the count committed some within the last 15 minutes.",
    pool="dbt",
)
def source_freshness(settings: dg.ResourceParam[LazySettings]) -> dg.AssetCheckResult:
    """Ask dbt whether its sources are fresh."""
    with plain_failures():
        found = settings.read()
    try:
        return dg.AssetCheckResult(passed=True, description=check_freshness(found))
    except PermanentError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))


def documentation_of(manifest: Manifest) -> dg.AssetsDefinition:
    """Return dbt's documentation of the project as an asset; the models' links lead to it."""

    @dg.asset(
        key=["reports", "dbt_documentation"],
        group_name="reports",
        deps=_public_models(manifest),
        owners=["team:builder"],
        kinds={"dbt", "html"},
        pool="dbt",
    )
    def dbt_documentation(settings: dg.ResourceParam[LazySettings]) -> dg.MaterializeResult[None]:
        """dbt's documentation of all models and columns, with their lineage. One HTML file."""
        with plain_failures():
            return dg.MaterializeResult(metadata={"file": dg.MetadataValue.path(write_docs(settings.read()))})

    return dbt_documentation


def _public_models(manifest: Manifest) -> Sequence[dg.AssetKey]:
    translator = DagsterDbtTranslator()
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    return [translator.get_asset_key(model) for model in models if model["access"] == "public"]


def exposures_of(manifest: Manifest) -> Sequence[dg.AssetSpec]:
    """Return the readers outside, which Dagster shows and does not run."""
    translator = DagsterDbtTranslator()
    return [
        dg.AssetSpec(
            ["reports", exposure["name"]],
            deps=[translator.get_asset_key(manifest["nodes"][node]) for node in exposure["depends_on"]["nodes"]],
            description=exposure["description"],
            metadata={"link": dg.MetadataValue.url(exposure["url"])} if exposure["url"] else {},
            group_name="reports",
            kinds={_KINDS.get(exposure["name"], exposure["name"])},
        )
        for exposure in manifest["exposures"].values()
    ]
