"""What went wrong in Postgres, the JVM or a worker, as an error of ours with one sentence."""

import builtins
import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from election_assets.errors import TransientError

# A worker's exception and a worker's death come by different ways.
TASK_FAILURES = (PySparkException, Py4JJavaError)

# What a worker raises for want of something around it: room on the disk, a file, a peer, the database.
_OS_ERRORS = [name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, OSError)]
_SURROUNDINGS = re.compile(rf"^(?:{'|'.join(_OS_ERRORS)}|psycopg\.[\w.]+)\b", re.MULTILINE)


def postgres_away(error: psycopg.OperationalError) -> TransientError:
    said = " ".join(str(error).split())
    return TransientError(f"Postgres went away during the count ({said}); what was committed stands. Count again.")


@contextmanager
def jvm_errors() -> Iterator[None]:
    """Turn what the bridge to a dead JVM raises into a TransientError."""
    try:
        yield
    except TASK_FAILURES as error:
        raise TransientError(
            f"Spark failed ({told_by_worker(error)}); what was committed stands. Count again."
        ) from error
    except (Py4JError, ConnectionError) as error:
        raise TransientError(
            f"Spark's JVM went away during the count ({first_line(error)}); what was committed stands. Count again."
        ) from error


def first_line(error: object) -> str:
    return str(error).strip().splitlines()[0] if error else "no reason given"


def told_by_worker(error: Exception | None) -> str:
    """Return the sentence at the end of a Python worker's traceback, or Spark's own first line."""
    lines = [line for line in str(error).splitlines() if "Error: " in line and not line.startswith("\t")]
    return lines[-1].split("Error: ", 1)[1] if lines else first_line(error)


def is_workers_death(error: Exception) -> bool:
    """Tell whether a task failed because of what its Python worker was given, and not for what is around it."""
    text = str(error)
    is_for_what_is_around = "TransientError" in text or _SURROUNDINGS.search(text)
    return not is_for_what_is_around and ("Python worker exited" in text or "PythonException" in text)
