"""The code location: assets, jobs and resources, as workspace.yaml names it."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from election_assets.assets.exports import evidence_bundle, published_results
from election_assets.assets.files import loaded_files
from election_assets.assets.ledger import counted_ballots
from election_assets.assets.marts import Manifest, documentation_of, exposures_of, marts_of, source_freshness
from election_assets.assets.registry import adjustments, registered_election
from election_assets.assets.reports import reconciliation
from election_assets.assets.verifications import verifications
from election_assets.assets.votes import published_registry, raw_votes, votes_topic
from election_assets.automation import marts_automation
from election_assets.dbt import DBT_PROJECT, current_manifest
from election_assets.jobs import (
    build_marts_job,
    check_marts_job,
    count_ballots_job,
    load_file_job,
    verify_log_job,
    whole_road_job,
)
from election_assets.resources.count_session import CountSession
from election_assets.resources.lazy_settings import LazySettings
from election_assets.schedules import check_marts_schedule
from election_assets.sensors import count_ended_sensor, count_lag_sensor, failed_run_alert, lag_watch_sensor
from election_assets.settings import home_of


def _resources_for(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the resources of a process with this environment; none of them is asked for anything yet."""
    settings = LazySettings(environ)
    return {
        "settings": settings,
        "spark": CountSession(settings=settings),
        "dbt": DbtCliResource(
            project_dir=os.fspath(DBT_PROJECT),
            profiles_dir=os.fspath(DBT_PROJECT),
            dbt_executable=os.fspath(Path(sys.executable).with_name("dbt")),
        ),
    }


def build_definitions(environ: Mapping[str, str], manifest: Manifest) -> dg.Definitions:
    """Put the code location of a process with this environment together; `manifest` is dbt's."""
    return dg.Definitions(
        assets=[
            registered_election,
            adjustments,
            loaded_files,
            votes_topic,
            published_registry,
            raw_votes,
            counted_ballots,
            verifications,
            marts_of(manifest, home_of(environ)),
            reconciliation,
            published_results,
            evidence_bundle,
            documentation_of(manifest),
            *exposures_of(manifest),
        ],
        asset_checks=[source_freshness],
        jobs=[load_file_job, count_ballots_job, verify_log_job, build_marts_job, check_marts_job, whole_road_job],
        schedules=[check_marts_schedule],
        sensors=[count_lag_sensor, lag_watch_sensor, count_ended_sensor, failed_run_alert, marts_automation],
        resources=_resources_for(environ),
        # The steps follow each other anyway, and a process for each would take seconds to start.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of this process; the only caller that reads its environment."""
    manifest = current_manifest(home_of(os.environ), os.environ)
    return build_definitions(os.environ, json.loads(manifest.read_bytes()))
