"""What went wrong in Postgres, the JVM or a worker, as an error of ours with one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from election_assets.errors import TransientError


def postgres_away(error: psycopg.OperationalError) -> TransientError:
    said = " ".join(str(error).split())
    return TransientError(f"Postgres went away during the count ({said}); what was committed stands. Count again.")


@contextmanager
def jvm_errors() -> Iterator[None]:
    """Turn what the bridge to a dead JVM raises into a TransientError."""
    try:
        yield
    except PySparkException as error:
        raise TransientError(
            f"Spark failed ({told_by_worker(error)}); what was committed stands. Count again."
        ) from error
    except (Py4JError, ConnectionError) as error:
        raise TransientError(
            f"Spark's JVM went away during the count ({first_line(error)}); what was committed stands. Count again."
        ) from error


def first_line(error: object) -> str:
    return str(error).strip().splitlines()[0] if error else "no reason given"


def told_by_worker(error: PySparkException) -> str:
    """Return the sentence at the end of a Python worker's traceback, or Spark's own first line."""
    lines = [line for line in str(error).splitlines() if "Error: " in line and not line.startswith("\t")]
    return lines[-1].split("Error: ", 1)[1] if lines else first_line(error)
