"""Counting: the count's settings, its Spark session and its reset, as this package's settings have them."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import psycopg
from pyspark.sql import SparkSession

from election_assets.settings import Settings
from engines.jars import jar_paths
from spark.figures import CountFigures
from spark.registry import election_number, read_frozen
from spark.runs import reset
from spark.session import open_session, spark_config
from spark.settings import CountSettings
from spark.snapshots import take_snapshot
from spark.stream import count


def count_settings(settings: Settings, election_id: str, run_id: str | None = None, **changes: float) -> CountSettings:
    """Return the settings of a run; `changes` are fields of CountSettings."""
    return CountSettings(
        election_id=election_id,
        run_id=run_id or f"cli-{uuid.uuid4().hex[:12]}",
        kafka=settings.kafka,
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
    config = spark_config(jar_paths("spark"), work_folder, settings.spark_driver_host)
    if settings.spark_cores:
        config["spark.cores.max"] = str(settings.spark_cores)
    config |= dict(overrides or {})
    return open_session(settings.spark_master, config, work_folder / "spark.log")


class BackgroundCount:
    """A count in a thread of its own, so that somebody can watch it, or ask for its end."""

    def __init__(self, session: SparkSession, run: CountSettings) -> None:
        self._stop = threading.Event()
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"count {run.election_id}")
        self._count = executor.submit(count, session, run, stop=self._stop)
        executor.shutdown(wait=False)

    def has_ended(self, within: float) -> bool:
        """Wait at most so many seconds for the end."""
        return bool(wait([self._count], timeout=within).done)

    def stop(self) -> None:
        """Ask for the end at the next batch boundary."""
        self._stop.set()

    def figures(self) -> CountFigures:
        """Wait for the end; return the figures, or raise what `count` raised."""
        return self._count.result()


@contextmanager
def counting(session: SparkSession, run: CountSettings) -> Iterator[BackgroundCount]:
    """Count in the background while the body runs; leaving it ends the count at a batch boundary."""
    background = BackgroundCount(session, run)
    try:
        yield background
    finally:
        background.stop()
        background.has_ended(within=2 * run.stuck_seconds)


def keep_totals(settings: Settings, election_id: str) -> None:
    """Take a snapshot of an election's totals, unless the latest one is of the same position."""
    with psycopg.connect(settings.conninfo("counter"), autocommit=True) as connection:
        take_snapshot(connection, election_number(connection, election_id))


def reset_election(settings: Settings, election_id: str) -> int:
    """Empty the ledger of an election; the next count judges its log from the start. Return the recount's number."""
    with psycopg.connect(settings.conninfo("counter"), autocommit=True) as connection:
        return reset(connection, read_frozen(connection, election_id))
