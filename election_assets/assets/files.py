"""Files of an office, loaded into the registry or the log."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from election_assets.assets.outcomes import RETRIES, plain_failures
from election_assets.assets.registry import KEYS
from election_assets.loading import Kind, Loaded, load
from election_assets.partitions import elections
from election_assets.resources.lazy_settings import LazySettings


class LoadConfig(dg.Config):
    """Which file is loaded, and how."""

    kind: Kind = Field(
        default="voters",
        description="What its rows are. A draft takes voters and candidates, an open election ballots.",
    )
    file: str = Field(
        default="",
        description="A .csv, .jsonl or .ndjson file where the run can read it. Without one nothing is loaded.",
    )
    strict: bool = Field(default=False, description="Load nothing at all where a row is bad.")


@dg.asset(
    key_prefix="registry",
    group_name="registry",
    deps=KEYS,
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:registrar"],
    kinds={"file"},
)
def loaded_files(
    context: dg.AssetExecutionContext, config: LoadConfig, settings: dg.ResourceParam[LazySettings]
) -> dg.MaterializeResult[None]:
    """Voters, candidates or ballots from a file, each row validated. One file per materialization.

    Bad rows are listed, with line number and reason, in a file beside it that only its owner may read.
    """
    if not config.file:
        context.log.info("No file is named in the run's config, so nothing is loaded.")
        return dg.MaterializeResult(metadata={"loaded": 0, "bad": 0})
    with plain_failures():
        done = load(settings.read(), config.kind, context.partition_key, Path(config.file), strict=config.strict)
    context.log.info(done.sentence())
    if config.strict and done.bad:
        raise dg.Failure(done.sentence(), metadata=_figures(done), allow_retries=False)
    return dg.MaterializeResult(metadata=_figures(done))


def _figures(done: Loaded) -> dict[str, Any]:
    figures = {"kind": done.kind, "file": dg.MetadataValue.path(done.file), "loaded": done.loaded, "bad": done.bad}
    errors = {"errors": dg.MetadataValue.path(done.errors), "reasons": done.reasons} if done.errors else {}
    return figures | errors
