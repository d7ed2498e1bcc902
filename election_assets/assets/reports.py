"""What is made from the marts: the comparison with the official figures."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from election_assets.assets.outcomes import RETRIES, plain_failures
from election_assets.partitions import elections
from election_assets.reconciliation import Cell, reconcile
from election_assets.resources.lazy_settings import LazySettings

_MARTS = [["marts", model] for model in ("fct_candidate_results", "fct_ballots", "fct_registration")]
_PUBLISHED = [
    ["registry", table] for table in ("official_results", "official_ballots", "reporting_units", "contradictions")
]
_COLUMNS = ("cell", "precinct_id", "contest_id", "candidate_id", "method", "official", "ours", "replayed")


@dg.asset(
    key_prefix="reports",
    group_name="reports",
    deps=[*_MARTS, *_PUBLISHED],
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:auditor"],
    kinds={"postgres"},
    check_specs=[
        dg.AssetCheckSpec(
            "official_figures_are_reproduced",
            asset=["reports", "reconciliation"],
            description="Every published figure is reproduced, or its difference derived from a contradiction.",
        )
    ],
)
def reconciliation(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Every figure that a past election's source published, beside ours. One row per published cell."""
    with plain_failures():
        found = reconcile(settings.read(), context.partition_key)
    context.log.info(found.sentence())
    metadata: dict[str, Any] = {
        "sentence": found.sentence(),
        "dagster/row_count": len(found.cells),
        "cells_reproduced": len(found.cells) - len(found.differing),
        "cells_differing": _table(found.differing),
        "cells_unexplained": len(found.unexplained),
    }
    check = dg.AssetCheckResult(
        passed=found.holds,
        check_name="official_figures_are_reproduced",
        description=found.sentence(),
    )
    yield dg.MaterializeResult(metadata=metadata, check_results=[check])


def _table(cells: list[Cell]) -> dg.MetadataValue:
    records = [dg.TableRecord({name: getattr(cell, name) for name in _COLUMNS}) for cell in cells]
    types = {"official": "int", "ours": "int", "replayed": "int"}
    schema = dg.TableSchema([dg.TableColumn(name, types.get(name, "string")) for name in _COLUMNS])
    return dg.MetadataValue.table(records, schema)
