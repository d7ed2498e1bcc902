"""The dbt models, from staging to marts, and who reads them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from election_assets.assets.outcomes import plain_failures
from election_assets.automation import BUILT_WHEN_CHANGED
from election_assets.dbt import dbt_environment, docs_file
from election_assets.environment import variables
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import row_count
from election_assets.settings import Settings

Manifest = Mapping[str, Any]

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
        condition: dg.AutomationCondition[Any] = BUILT_WHEN_CHANGED
        return condition


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
                build = dbt.cli(["build"], context=context, target_path=found.home / "dbt" / "dagster")
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
