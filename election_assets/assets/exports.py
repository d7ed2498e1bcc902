"""Files for others, made from the marts: the published formats and the evidence bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from election_assets.assets.outcomes import RETRIES, plain_failures
from election_assets.exports import Exported, Format
from election_assets.exports.exporting import export_election
from election_assets.exports.writing import make_folder
from election_assets.partitions import elections
from election_assets.resources.lazy_settings import LazySettings

_MARTS = [
    dg.AssetKey(["marts", model])
    for model in (
        "dim_candidates",
        "dim_contests",
        "dim_elections",
        "dim_reporting_units",
        "fct_ballots",
        "fct_candidate_results",
        "fct_reconciliation",
        "fct_reporting_progress",
        "fct_results_history",
        "fct_turnout",
    )
]
_PUBLISHED = (Format.NIST, Format.OPENELECTIONS, Format.CSV, Format.PARQUET)


@dg.asset(
    key_prefix="reports",
    group_name="reports",
    deps=_MARTS,
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:auditor"],
    kinds={"json", "csv", "parquet"},
)
def published_results(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> dg.MaterializeResult[None]:
    """An election's results as NIST SP 1500-100 JSON, in OpenElections' layout, as CSV and as Parquet.

    One file per format and table, in the home's folder `exports/<election>`.
    """
    return _exported(context, settings, _PUBLISHED)


@dg.asset(
    key_prefix="reports",
    group_name="reports",
    deps=_MARTS,
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:auditor"],
    kinds={"json", "csv", "parquet"},
)
def evidence_bundle(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> dg.MaterializeResult[None]:
    """All exports of an election with its position, its registry's hash and the SHA-256 of every file.

    One folder, `exports/<election>/<election>-bundle` in the home, which `sha256sum -c SHA256SUMS` checks.
    """
    return _exported(context, settings, (Format.BUNDLE,))


def _exported(
    context: dg.AssetExecutionContext, settings: LazySettings, formats: Sequence[Format]
) -> dg.MaterializeResult[None]:
    with plain_failures():
        found = settings.read()
        out = make_folder(found.home / "exports" / context.partition_key)
        done = export_election(found, context.partition_key, formats, out)
    context.log.info(done.sentence())
    metadata: dict[str, Any] = {
        "folder": dg.MetadataValue.path(out),
        "files": _table(done, out),
        "file_count": len(done.files),
        "position": done.position,
        "is_withheld": done.is_withheld,
    }
    return dg.MaterializeResult(metadata=metadata)


def _table(done: Exported, folder: Path) -> dg.MetadataValue:
    records = [
        dg.TableRecord(
            {
                "file": str(file.path.relative_to(folder)),
                "rows": file.row_count if file.row_count is not None else "",
                "bytes": file.byte_count,
                "sha256": file.sha256,
            }
        )
        for file in done.files
    ]
    types = {"file": "string", "rows": "int", "bytes": "int", "sha256": "string"}
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(*column) for column in types.items()]))
