"""The log: an election's votes topic, the ballots cast into it, and its frozen registry as events beside it."""

import time
from collections.abc import Iterator

import dagster as dg

from election_assets.assets.outcomes import RETRIES, plain_failures
from election_assets.assets.registry import KEYS
from election_assets.casting import cast
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.opening import open_election
from election_assets.partitions import elections
from election_assets.registry_events import publish_registry
from election_assets.resources.lazy_settings import LazySettings

VOTES_TOPIC = dg.AssetKey(["votes", "votes_topic"])
RAW_VOTES = dg.AssetKey(["votes", "raw_votes"])
REGISTRY_TOPICS = (dg.AssetKey(["votes", "voters_topic"]), dg.AssetKey(["votes", "candidates_topic"]))


@dg.asset(
    key=VOTES_TOPIC,
    group_name="votes",
    deps=KEYS,
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:registrar"],
    kinds={"kafka"},
)
def votes_topic(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> dg.MaterializeResult[None]:
    """The topic an election's ballots go to, made when the election is opened and its registry frozen."""
    with plain_failures():
        opened = open_election(settings.read(), context.partition_key)
    return dg.MaterializeResult(
        metadata={
            "topic": opened.topic,
            "topic_id": opened.topic_id,
            "partitions": opened.partition_count,
            "registry_hash": opened.registry_hash,
            "is_new": opened.is_new,
        }
    )


@dg.multi_asset(
    name="published_registry",
    description="Publish the frozen registry of an election as events; what is published already stays.",
    specs=[
        dg.AssetSpec(
            key,
            deps=[votes_topic, *(["registry", table] for table in tables)],
            description=description,
            group_name="votes",
            owners=["team:registrar"],
            kinds={"kafka"},
        )
        for key, tables, description in (
            (
                REGISTRY_TOPICS[0],
                ("voters", "reporting_units", "ballot_styles"),
                "The roll as events without personal data. One message per voter, compacted.",
            ),
            (REGISTRY_TOPICS[1], ("candidates",), "The candidates as events. One message per candidate, compacted."),
        )
    ],
    partitions_def=elections,
    retry_policy=RETRIES,
)
def published_registry(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Publish the voters and candidates of an open election."""
    with plain_failures():
        found = settings.read()
        started = time.monotonic()
        published = publish_registry(found, context.partition_key)
    figures = {"is_new": published.is_new, "seconds": round(time.monotonic() - started, 2)}
    sent = ((found.voters_topic, published.voter_count), (found.candidates_topic, published.candidate_count))
    for key, (topic, row_count) in zip(REGISTRY_TOPICS, sent, strict=True):
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": row_count, "topic": topic, **figures})


@dg.asset(
    key=RAW_VOTES,
    group_name="votes",
    deps=[votes_topic],
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:voters"],
    kinds={"kafka"},
)
def raw_votes(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> dg.MaterializeResult[None]:
    """The ballots in the log, the record of the election. A replay casts those that are not there yet."""
    with plain_failures():
        found = settings.read()
        election = read_election(find_election_folder(context.partition_key))
        started = time.monotonic()
        done = cast(found, election)
    seconds = time.monotonic() - started
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": done.already_in_log + done.sent,
            "sent": done.sent,
            "already_in_log": done.already_in_log,
            "ballots_in_all": done.total,
            "seconds": round(seconds, 2),
            "ballots_per_second": round(done.sent / seconds),
        }
    )
