"""The ledger's tables and the results topic: what one run of the count writes, and the rules it is checked by."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
from pydantic import Field

from election_assets.assets.outcomes import plain_failures, tables_written
from election_assets.assets.votes import raw_votes
from election_assets.errors import PermanentError, TransientError
from election_assets.ledger_rules import RULES, Kept, kept_rules, refuse_broken
from election_assets.partitions import elections
from election_assets.resources.count_session import CountSession
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import standing
from election_assets.settings import Settings

if TYPE_CHECKING:
    from spark.settings import CountSettings

TABLES = {
    "positions": "How far the log is judged, and what became of its messages. One row per Kafka partition.",
    "participation": "Who has voted, never how. One row per voter whose ballot is counted; for the count and auditors.",
    "ballot_counts": "Counted ballots. One row per precinct, ballot style, method and Kafka partition.",
    "voter_group_counts": "Counted ballots by voters' age and gender. One row per unit, group and Kafka partition.",
    "arrivals": "When ballots came in. One row per minute, method and Kafka partition.",
    "contest_ballots": "Ballots, undervotes and overvotes. One row per contest, precinct, method and Kafka partition.",
    "tallies": "Votes. One row per candidate, precinct, method and Kafka partition.",
    "uncounted": "Messages rejected or quarantined, each with its reason. One row per message.",
    "snapshots": "The positions at which totals were kept, every ten seconds. One row per snapshot.",
    "snapshot_tallies": "The totals that were kept. One row per snapshot and candidate with votes.",
    "count_runs": "The runs of the count, with heartbeat and end. One row per run.",
    "batches": "The micro-batches of each run, with their figures. One row per micro-batch.",
}
RESULTS_TOPIC = dg.AssetKey(["reports", "results_vote_per_candidate_topic"])
POSITIONS = dg.AssetKey(["ledger", "positions"])
SNAPSHOTS = dg.AssetKey(["ledger", "snapshots"])

REFUSAL_TAG = "election/refusal"

_FIGURES_EVERY_SECONDS = 10.0
_RULES_EVERY_SECONDS = 60.0
_LAG_LIMIT_SECONDS = 60.0
_TAG_LENGTH = 250
# A live count tells its figures every 10 s; `lag_watch_sensor` confirms a ledger with nothing to judge.
_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=15), warn_window=timedelta(minutes=7))


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
                freshness_policy=_FRESHNESS if table == "positions" else None,
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
    check_specs=[
        *(
            dg.AssetCheckSpec(rule.name, asset=["ledger", rule.table], description=rule.description, blocking=True)
            for rule in RULES
        ),
        dg.AssetCheckSpec(
            "lag_is_within_its_limit",
            asset=POSITIONS,
            description=f"No message waits for more than {_LAG_LIMIT_SECONDS:g} s; a sensor looks each minute.",
        ),
    ],
    partitions_def=elections,
)
def counted_ballots(
    context: dg.AssetExecutionContext,
    config: CountConfig,
    settings: dg.ResourceParam[LazySettings],
    spark: CountSession,
) -> Iterator[Any]:
    """Count one election until its log is judged and idle; tell the figures every 10 s while it lasts.

    A refusal is tagged on the run, so that `count_lag_sensor` tries again only when it would be no more.
    """
    with plain_failures():
        found = settings.read()
        try:
            run = _counted(context, config, found, spark)
        except PermanentError as refusal:
            context.instance.add_run_tags(context.run.run_id, {REFUSAL_TAG: str(refusal)[:_TAG_LENGTH]})
            raise
        figures = {**standing(found.conninfo("counter"), context.partition_key), **run}
        yield from tables_written(found.conninfo("counter"), "ledger", TABLES, context.partition_key, figures)
        yield dg.MaterializeResult(asset_key=RESULTS_TOPIC, metadata={"topic": found.results_topic, **figures})
        for kept in kept_rules(found.conninfo("counter"), context.partition_key):
            yield dg.AssetCheckResult(**_told(kept))
        yield dg.AssetCheckResult(**lag_told(context.partition_key, 0.0))


def _counted(
    context: dg.AssetExecutionContext, config: CountConfig, settings: Settings, spark: CountSession
) -> Mapping[str, Any]:
    """Count in the background, tell figures meanwhile, and return those of the whole run.

    Nothing is yielded while it counts: a run that is ended while Dagster takes an event leaves a generator as it
    stands, and the count behind it would go on.
    """
    # Spark's modules take a second to load, which other steps need not wait for.
    from election_assets.counting import count_settings, counting
    from spark.readiness import waiting_messages

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
    _check_rules(context, run)
    started = time.monotonic()
    with counting(spark.spark_session, run) as count:
        rules_due = _RULES_EVERY_SECONDS
        while not count.has_ended(within=_FIGURES_EVERY_SECONDS):
            _tell_figures(context, run)
            if time.monotonic() - started > rules_due:
                _check_rules(context, run)
                rules_due += _RULES_EVERY_SECONDS
        figures = count.figures()
    seconds = time.monotonic() - started
    return {
        "messages": figures.messages,
        "lag": figures.log_end - figures.position,
        "batches": figures.batches,
        "seconds": round(seconds, 2),
        "messages_per_second": round(figures.messages / seconds, 1),
        "ended_why": figures.ended_why,
    }


def _tell_figures(context: dg.AssetExecutionContext, run: "CountSettings") -> None:
    """Tell how the count goes, as a materialization of each table; nothing while an engine is away."""
    from spark.figures import health_of

    try:
        health = asdict(health_of(run))
    except (TransientError, psycopg.OperationalError) as error:
        context.log.warning(f"No figures for now: {error}")
        return
    context.log.info(
        "{counted:,} counted, {lag:,} wait, {messages_per_second:,.0f} messages a second.".format(**health)
    )
    metadata = {**health, "run": dg.MetadataValue.dagster_run(context.run.run_id)}
    for key in (*(dg.AssetKey(["ledger", table]) for table in TABLES), RESULTS_TOPIC):
        told = dg.AssetMaterialization(key, metadata=metadata, partition=context.partition_key)
        context.instance.report_runless_asset_event(told)


def _check_rules(context: dg.AssetExecutionContext, run: "CountSettings") -> None:
    """Report the rules as they hold now; raise PermanentError where one is broken."""
    kept = list(kept_rules(run.conninfo, context.partition_key))
    for one in kept:
        context.instance.report_runless_asset_event(dg.AssetCheckEvaluation(**_told(one)))
    refuse_broken(kept, context.partition_key)


def _told(kept: Kept) -> dict[str, Any]:
    return {
        "asset_key": dg.AssetKey(["ledger", kept.rule.table]),
        "check_name": kept.rule.name,
        "passed": not kept.broken_rows,
        "metadata": {"broken_rows": kept.broken_rows},
    }


def lag_told(election_id: str, oldest_unjudged_seconds: float) -> dict[str, Any]:
    """Return the check of the lag, as it is told at the end of a count and by `lag_watch_sensor`."""
    return {
        "asset_key": POSITIONS,
        "check_name": "lag_is_within_its_limit",
        "passed": oldest_unjudged_seconds <= _LAG_LIMIT_SECONDS,
        "severity": dg.AssetCheckSeverity.WARN,
        "metadata": {"election": election_id, "oldest_unjudged_seconds": oldest_unjudged_seconds},
    }
