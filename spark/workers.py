"""The Python workers from the driver's side: made ready before the first ballots, kept while none come."""

from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from spark.count import CountPlan, unchanged, warmed

# Spark ends all Python workers of an executor that had nothing to do for a minute, and looks every ten seconds.
KEEP_SECONDS = 25.0

Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def warm_up(session: SparkSession, plan: CountPlan) -> None:
    """Make every worker ready: the first micro-batch otherwise takes 8 s and more."""
    _let_all(session, warmed(plan))


def keep(session: SparkSession) -> None:
    """Give idle workers something to do: new ones would take a second or two when the next ballot comes."""
    _let_all(session, unchanged)


def _let_all(session: SparkSession, task: Task) -> None:
    slots = session.sparkContext.defaultParallelism
    session.range(0, slots, 1, slots).mapInArrow(task, "id bigint").collect()
