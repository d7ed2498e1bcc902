"""The dbt models, from staging to marts, and who reads them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from election_assets.assets.outcomes import plain_failures
from election_assets.automation import BUILT_WHEN_CHANGED
from election_assets.dbt import dbt_environment
from election_assets.environment import variables
from election_assets.resources.lazy_settings import LazySettings

Manifest = Mapping[str, Any]

_KINDS = {"power_bi": "powerbi"}


class _Translator(DagsterDbtTranslator):
    """Dagster's own reading of a dbt project; all of it belongs to the role that builds it."""

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Return who answers for a model."""
        return ["team:builder"]

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition[Any]:
        """Return when a model is built by itself."""
        condition: dg.AutomationCondition[Any] = BUILT_WHEN_CHANGED
        return condition


def marts_of(manifest: Manifest) -> dg.AssetsDefinition:
    """Return the project's models as assets and its tests as checks; one build at a time."""

    @dbt_assets(manifest=manifest, name="marts", dagster_dbt_translator=_Translator(), pool="dbt")
    def marts(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[LazySettings]
    ) -> Iterator[Any]:
        """Build what is selected, and test it."""
        with plain_failures():
            found = settings.read()
            with variables(dbt_environment(found)):
                # One folder for all builds, since there is one at a time: dbt then reads only what changed.
                yield from dbt.cli(["build"], context=context, target_path=found.home / "dbt" / "dagster").stream()

    return marts


def exposures_of(manifest: Manifest) -> Sequence[dg.AssetSpec]:
    """Return the readers outside, which Dagster shows and does not run."""
    translator = _Translator()
    return [
        dg.AssetSpec(
            ["reports", exposure["name"]],
            deps=[translator.get_asset_key(manifest["nodes"][node]) for node in exposure["depends_on"]["nodes"]],
            description=exposure["description"],
            group_name="reports",
            kinds={_KINDS.get(exposure["name"], exposure["name"])},
        )
        for exposure in manifest["exposures"].values()
    ]
