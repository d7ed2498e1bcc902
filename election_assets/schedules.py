"""The schedules: the marts checked again and again while an election is counted."""

from datetime import timedelta

import dagster as dg
import psycopg

from election_assets.assets.outcomes import reason_of
from election_assets.errors import ElectionError
from election_assets.jobs import check_marts_job
from election_assets.resources.lazy_settings import LazySettings
from election_assets.resources.warehouse import last_commit, row_count

_EVERY_MINUTES = 5
# A little more than a tick, so that what came last is checked too.
_RECENT = timedelta(minutes=_EVERY_MINUTES + 1)


@dg.schedule(
    name="check_marts_schedule",
    job=check_marts_job,
    cron_schedule=f"*/{_EVERY_MINUTES} * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs dbt's tests on the live marts every five minutes in which ballots were counted.",
)
def check_marts_schedule(
    context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[LazySettings]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a check where the marts are built and something was committed since the last tick."""
    try:
        conninfo = settings.read().conninfo("builder")
        row_count(conninfo, "marts", "dim_elections")
        committed_at = last_commit(conninfo)
    except (ElectionError, psycopg.OperationalError) as error:
        return dg.SkipReason(reason_of(error))
    except psycopg.errors.UndefinedTable:
        return dg.SkipReason("The marts are not built yet.")
    if committed_at is None or context.scheduled_execution_time - committed_at > _RECENT:
        return dg.SkipReason(f"Nothing was counted in the last {_RECENT.seconds // 60} minutes.")
    return dg.RunRequest()
