"""The sensors: the count kept running, its lag watched, failed runs told to somebody."""

from collections.abc import Iterator

import dagster as dg
import psycopg

from election_assets.alerts import send_alert
from election_assets.assets.ledger import POSITIONS, CountConfig, lag_told
from election_assets.assets.outcomes import reason_of
from election_assets.assets.votes import RAW_VOTES
from election_assets.counting import count_settings, keep_totals
from election_assets.errors import ElectionError, PermanentError, TransientError
from election_assets.jobs import count_ballots_job, verify_log_job
from election_assets.ledger_rules import kept_rules, refuse_broken
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import unverified_counts
from election_assets.runs_under_way import failures_of, runs_under_way
from election_assets.settings import Settings
from election_assets.supervision import Decision, Failures, Standing, decide, standings
from spark.figures import health_of
from spark.readiness import waiting_messages

_TICK_SECONDS = 3
_WATCH_SECONDS = 60
# A new run costs some 15 s on two cores, so one waits a while for the next ballot.
_NIGHT = dg.RunConfig({"counted_ballots": CountConfig(idle_seconds=30)})


@dg.sensor(
    name="count_lag_sensor",
    job=count_ballots_job,
    minimum_interval_seconds=_TICK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Starts a count for every open election whose log is ahead of its ledger and that no live run counts; "
        "a run whose process is dead is failed and replaced. To hold the count, stop this sensor."
    ),
)
def count_lag_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[LazySettings]
) -> dg.SensorResult | dg.SkipReason:
    """Look at all open elections and start the counts that are missing."""
    try:
        found = settings.read()
        decisions = [_decided(context.instance, found, standing) for standing in standings(found)]
    except (ElectionError, psycopg.OperationalError) as error:
        return dg.SkipReason(reason_of(error))
    for run_id in (run_id for decision in decisions for run_id in decision.replaces):
        run = context.instance.get_run_by_id(run_id)
        if run and not run.is_finished:
            context.instance.report_run_failed(run, "The process of this run is dead; another run goes on from there.")
    reasons = "\n".join(f"{one.election_id}: {one.why}." for one in decisions) or "No election is open."
    requests = [
        dg.RunRequest(partition_key=one.election_id, run_config=_NIGHT, tags={"election/why": one.why})
        for one in decisions
        if one.starts
    ]
    if not requests:
        return dg.SkipReason(reasons)
    context.log.info(reasons)
    return dg.SensorResult(run_requests=requests)


def _decided(instance: dg.DagsterInstance, settings: Settings, standing: Standing) -> Decision:
    if standing.lag == 0 or standing.is_counted:
        return decide(standing, (), Failures())
    under_way = runs_under_way(instance, standing.election_id)
    failures = failures_of(instance, standing.election_id)
    if failures.refusal:
        failures = failures.refused(_refusal(settings, standing.election_id))
    return decide(standing, under_way, failures)


def _refusal(settings: Settings, election_id: str) -> str | None:
    """Ask what refused the last count whether it still does; return why, None where nothing refuses any more."""
    run = count_settings(settings, election_id)
    try:
        waiting_messages(run)
        refuse_broken(kept_rules(run.conninfo, election_id), election_id)
    except PermanentError as refusal:
        return str(refusal)
    return None


@dg.sensor(
    name="lag_watch_sensor",
    target=None,
    minimum_interval_seconds=_WATCH_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Checks once a minute that no ballot waits too long, and confirms the ledgers of elections in which "
        "nothing waits, so that `ledger/positions` stays fresh, or says how many ballots the log has."
    ),
)
def lag_watch_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[LazySettings]
) -> dg.SensorResult | dg.SkipReason:
    """Report the lag of every open election as a check, and as a confirmation where there is none."""
    try:
        found = settings.read()
        open_elections = standings(found)
        events = [event for standing in open_elections for event in _watched(found, standing)]
    except (ElectionError, psycopg.OperationalError) as error:
        return dg.SkipReason(reason_of(error))
    reasons = "\n".join(f"{one.election_id}: {one.lag:,} messages wait." for one in open_elections)
    return dg.SensorResult(asset_events=events, skip_reason=reasons or "No election is open.")


def _watched(settings: Settings, standing: Standing) -> Iterator[dg.AssetCheckEvaluation | dg.AssetMaterialization]:
    if standing.lag == 0:
        # A run that was killed after its last micro-batch took no snapshot of it.
        keep_totals(settings, standing.election_id)
        figures = {"position": standing.position, "lag": 0}
        yield dg.AssetMaterialization(POSITIONS, metadata=figures, partition=standing.election_id)
    else:
        in_log = {"dagster/row_count": standing.position + standing.lag}
        yield dg.AssetMaterialization(RAW_VOTES, metadata=in_log, partition=standing.election_id)
    oldest = health_of(count_settings(settings, standing.election_id)).oldest_unjudged_seconds if standing.lag else 0.0
    yield dg.AssetCheckEvaluation(**lag_told(standing.election_id, oldest))


@dg.sensor(
    name="count_ended_sensor",
    job=verify_log_job,
    minimum_interval_seconds=_WATCH_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Starts an independent recount of every open election whose count has ended, with nothing left to judge, and "
        "committed something since the last recount."
    ),
)
def count_ended_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[LazySettings]
) -> dg.SensorResult | dg.SkipReason:
    """Ask for the recounts that are missing."""
    try:
        found = settings.read()
        ended = {one.election_id for one in standings(found) if one.lag == 0 and not one.is_counted}
        unverified = [one for one in unverified_counts(found.conninfo("auditor")) if one.election_id in ended]
    except (ElectionError, psycopg.OperationalError) as error:
        return dg.SkipReason(reason_of(error))
    if not unverified:
        return dg.SkipReason("No count has ended that was not recounted.")
    # The key keeps a recount from being asked for again while it is under way, or after it failed.
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(f"{one.election_id} {one.committed_at.isoformat()}", partition_key=one.election_id)
            for one in unverified
        ]
    )


@dg.run_failure_sensor(
    name="failed_run_alert",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=_TICK_SECONDS,
    description="Logs every run that failed, and tells ELECTION_ALERT_WEBHOOK, where it names one.",
)
def failed_run_alert(context: dg.RunFailureSensorContext, settings: dg.ResourceParam[LazySettings]) -> None:
    """Tell of a failed run: which job and election, and the sentence of what went wrong."""
    run = context.dagster_run
    election = run.tags.get("dagster/partition", "no election")
    text = f"Run {run.run_id} of {run.job_name} ({election}) failed: {context.failure_event.message}"
    context.log.error(text)
    try:
        send_alert(settings.read().alert_webhook, text, run_id=run.run_id, job=run.job_name, election=election)
    except TransientError as error:
        context.log.error(str(error))
