"""Counting: one run of the count over an election, with Spark started only where there is something to count."""

import uuid
from collections.abc import Mapping

import psycopg
from pyspark.sql import SparkSession

from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from engines.jars import jar_paths
from spark.registry import read_frozen
from spark.runs import positions, reset
from spark.session import open_session, spark_config
from spark.settings import CountSettings
from spark.topic import LogReader


def count_settings(settings: Settings, election_id: str, run_id: str | None = None, **changes: float) -> CountSettings:
    """Return the settings of a run; `changes` are fields of CountSettings."""
    return CountSettings(
        election_id=election_id,
        run_id=run_id or f"cli-{uuid.uuid4().hex[:12]}",
        bootstrap_servers=settings.bootstrap_servers,
        conninfo=settings.conninfo("counter"),
        work_folder=settings.home / "count",
        master=settings.spark_master,
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


def lag(settings: Settings, election_id: str) -> int:
    """Return how many messages of the log are not judged yet."""
    with psycopg.connect(settings.conninfo("counter")) as connection:
        election = read_frozen(connection, election_id)
        judged = sum(one.next_offset for one in positions(connection, election.election_number))
    with LogReader(settings.bootstrap_servers, votes_topic_of(election_id, settings.votes_topic)) as log:
        return sum(stop for _, stop in log.starts_and_ends().values()) - judged


def reset_election(settings: Settings, election_id: str) -> int:
    """Empty the ledger of an election; the next count judges its log from the start. Return the recount's number."""
    with psycopg.connect(settings.conninfo("counter"), autocommit=True) as connection:
        return reset(connection, read_frozen(connection, election_id))
