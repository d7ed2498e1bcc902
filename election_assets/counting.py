"""Counting: the count's settings, its Spark session and its reset, as this package's settings have them."""

import uuid
from collections.abc import Mapping

import psycopg
from pyspark.sql import SparkSession

from election_assets.settings import Settings
from engines.jars import jar_paths
from spark.registry import read_frozen
from spark.runs import reset
from spark.session import open_session, spark_config
from spark.settings import CountSettings


def count_settings(settings: Settings, election_id: str, run_id: str | None = None, **changes: float) -> CountSettings:
    """Return the settings of a run; `changes` are fields of CountSettings."""
    return CountSettings(
        election_id=election_id,
        run_id=run_id or f"cli-{uuid.uuid4().hex[:12]}",
        bootstrap_servers=settings.bootstrap_servers,
        conninfo=settings.conninfo("counter"),
        work_folder=settings.home / "count",
        votes_topic=settings.votes_topic,
        elections_topic=settings.elections_topic,
        results_topic=settings.results_topic,
        **changes,  # type: ignore[arg-type]
    )


def session_for(settings: Settings, overrides: Mapping[str, str] | None = None) -> SparkSession:
    """Start Spark for the count; `overrides` win over its own configuration."""
    work_folder = settings.home / "count"
    config = spark_config(jar_paths("spark"), work_folder) | dict(overrides or {})
    return open_session(settings.spark_master, config, work_folder / "spark.log")


def reset_election(settings: Settings, election_id: str) -> int:
    """Empty the ledger of an election; the next count judges its log from the start. Return the recount's number."""
    with psycopg.connect(settings.conninfo("counter"), autocommit=True) as connection:
        return reset(connection, read_frozen(connection, election_id))
