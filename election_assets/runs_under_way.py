"""Dagster's runs of an election's count: those that have not ended, and those that failed last."""

import os
import time
from collections.abc import Iterator, Mapping

import dagster as dg
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from election_assets.assets.ledger import POSITIONS, REFUSAL_TAG
from election_assets.jobs import count_ballots_job, whole_road_job
from election_assets.supervision import Failures, Phase, RunUnderWay

_STATUS = dg.DagsterRunStatus
_PHASES: Mapping[dg.DagsterRunStatus, Phase] = {
    _STATUS.QUEUED: Phase.QUEUED,
    _STATUS.NOT_STARTED: Phase.STARTING,
    _STATUS.STARTING: Phase.STARTING,
    _STATUS.STARTED: Phase.STARTED,
    _STATUS.CANCELING: Phase.STARTED,
}
_COUNTING_JOBS = {count_ballots_job.name, whole_road_job.name}
_REMEMBERED = 10


def runs_under_way(instance: dg.DagsterInstance, election_id: str) -> list[RunUnderWay]:
    """Return the runs that will count an election, or are at it, as far as Dagster knows."""
    now = time.time()
    return [
        RunUnderWay(
            record.dagster_run.run_id,
            _PHASES[record.dagster_run.status],
            now - record.update_timestamp.timestamp(),
            _is_worker_alive(instance, record.dagster_run.run_id),
        )
        for record in _records(instance, election_id, list(_PHASES))
    ]


def failures_of(instance: dg.DagsterInstance, election_id: str) -> Failures:
    """Return the failures that came last, without a success between them."""
    ended = _records(instance, election_id, [_STATUS.FAILURE, _STATUS.SUCCESS, _STATUS.CANCELED], limit=_REMEMBERED)
    count, latest = 0, None
    for record in ended:
        if record.dagster_run.status is not _STATUS.FAILURE:
            break
        latest = latest or record
        count += 1
    if latest is None:
        return Failures()
    since = time.time() - (latest.end_time or latest.update_timestamp.timestamp())
    return Failures(count, since, latest.dagster_run.tags.get(REFUSAL_TAG))


def _records(
    instance: dg.DagsterInstance, election_id: str, statuses: list[dg.DagsterRunStatus], limit: int | None = None
) -> Iterator[dg.RunRecord]:
    filters = dg.RunsFilter(statuses=statuses, tags={"dagster/partition": election_id})
    for record in instance.get_run_records(filters, limit=limit):
        selected = record.dagster_run.asset_selection
        if POSITIONS in selected if selected else record.dagster_run.job_name in _COUNTING_JOBS:
            yield record


def _is_worker_alive(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Tell whether the process of a run is there; None where it has none yet, or where it may be on another host."""
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return None
    pids = [
        int(str(entry.dagster_event.engine_event_data.metadata["pid"].value))
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        if entry.dagster_event and "pid" in entry.dagster_event.engine_event_data.metadata
    ]
    return _is_process(pids[0]) if pids else None


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
