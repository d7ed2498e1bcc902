"""The ledger's tables and the results topic: what one run of the count writes."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from election_assets.assets.outcomes import RETRIES, plain_failures, tables_written
from election_assets.assets.votes import raw_votes
from election_assets.partitions import elections
from election_assets.resources.count_session import CountSession
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import standing
from election_assets.settings import Settings

TABLES = {
    "positions": "How far the log is judged, and what became of its messages. One row per Kafka partition.",
    "participation": "Who has voted, never how. One row per voter whose ballot is counted; for the count and auditors.",
    "ballot_counts": "Counted ballots. One row per precinct, ballot style, method and Kafka partition.",
    "voter_group_counts": "Counted ballots by voters' age and gender. One row per unit, group and Kafka partition.",
    "arrivals": "When ballots came in. One row per minute, method and Kafka partition.",
    "contest_ballots": "Ballots, undervotes and overvotes. One row per contest, precinct, method and Kafka partition.",
    "tallies": "Votes. One row per candidate, precinct, method and Kafka partition.",
    "uncounted": "Messages rejected or quarantined, each with its reason. One row per message.",
    "count_runs": "The runs of the count, with heartbeat and end. One row per run.",
    "batches": "The micro-batches of each run, with their figures. One row per micro-batch.",
}
RESULTS_TOPIC = dg.AssetKey(["reports", "results_vote_per_candidate_topic"])


class CountConfig(dg.Config):
    """When a count ends."""

    idle_seconds: float = Field(default=1.0, gt=0, description="End after so long without a message.")
    max_life_seconds: float = Field(default=3600.0, gt=0, description="End after so long in any case.")


@dg.multi_asset(
    name="counted_ballots",
    description="Judge the messages of the log that are not judged yet, with Spark, and publish the totals.",
    specs=[
        *(
            dg.AssetSpec(
                ["ledger", table],
                deps=[raw_votes],
                description=description,
                group_name="ledger",
                owners=["team:counter"],
                kinds={"spark", "postgres"},
            )
            for table, description in TABLES.items()
        ),
        dg.AssetSpec(
            RESULTS_TOPIC,
            deps=[["ledger", "tallies"], ["ledger", "positions"]],
            description="Running totals for others to read: a message per candidate whenever a total is published.",
            group_name="reports",
            owners=["team:counter"],
            kinds={"kafka"},
        ),
    ],
    partitions_def=elections,
    retry_policy=RETRIES,
)
def counted_ballots(
    context: dg.AssetExecutionContext,
    config: CountConfig,
    settings: dg.ResourceParam[LazySettings],
    spark: CountSession,
) -> Iterator[dg.MaterializeResult[None]]:
    """Count one election until its log is judged and idle."""
    with plain_failures():
        found = settings.read()
        run = _count(context, config, found, spark)
        figures = {**standing(found.conninfo("counter"), context.partition_key), **run}
        yield from tables_written(found.conninfo("counter"), "ledger", TABLES, context.partition_key, figures)
        yield dg.MaterializeResult(asset_key=RESULTS_TOPIC, metadata={"topic": found.results_topic, **figures})


def _count(
    context: dg.AssetExecutionContext, config: CountConfig, settings: Settings, spark: CountSession
) -> Mapping[str, Any]:
    # Spark's modules take a second to load, which other steps need not wait for.
    from election_assets.counting import count_settings
    from spark.readiness import waiting_messages
    from spark.figures import CountFigures
    from spark.stream import count

    election_id = context.partition_key
    run = count_settings(
        settings,
        election_id,
        context.run.run_id,
        idle_seconds=config.idle_seconds,
        max_life_seconds=config.max_life_seconds,
    )
    if not waiting_messages(run):
        context.log.info(f"All messages of {election_id} are judged.")
        return {"messages": 0, "lag": 0}

    def log_figures(now: CountFigures) -> None:
        context.log.info(f"{now.messages:,} messages judged, {now.log_end - now.position:,} wait.")

    started = time.monotonic()
    figures = count(spark.spark_session, run, log_figures)
    seconds = time.monotonic() - started
    return {
        "messages": figures.messages,
        "lag": figures.log_end - figures.position,
        "batches": figures.batches,
        "seconds": round(seconds, 2),
        "messages_per_second": round(figures.messages / seconds),
        "ended_why": figures.ended_why,
    }
