"""The Spark session that the count runs in."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from election_assets.errors import PermanentError

PROJECT = Path(__file__).resolve().parents[1]

LOOPBACK = "127.0.0.1"

# For a driver that workers on other hosts must reach, so that a firewall can let them through. Where one is
# taken, by another count on the same host, Spark takes one of the 16 after it.
_PORTS = {
    "spark.driver.port": "7100",
    "spark.driver.blockManager.port": "7120",
    "spark.blockManager.port": "7140",
}

# A run throws its checkpoints away. Without Hadoop's native library, which PySpark lacks, the usual way to write one
# starts some ten processes (chmod, readlink) in each micro-batch, 80 ms in all; this way starts two.
_CHECKPOINTS = {
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    "spark.sql.streaming.checkpoint.fileChecksum.enabled": "false",
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}

# Ten times the calls after which the JVM's second compiler usually sets in: it takes more than a third of the JVM's CPU
# in a run of a minute otherwise, most of it for what runs some hundred times. What each ballot meets is soon beyond.
_COMPILER = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)

# A micro-batch is one Arrow batch per task, so that a task is one transaction over one array.
_ARROW_RECORDS = 1_000_000


def spark_config(jars: Sequence[Path], work_folder: Path, driver_host: str = LOOPBACK) -> dict[str, str]:
    """Return the configuration of a count whose driver is at `driver_host`, with fixed ports beyond loopback."""
    class_path = ":".join(map(str, jars))
    return {
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        # Beyond loopback on all addresses: what a host's name means differs from one network of its to the next.
        "spark.driver.bindAddress": LOOPBACK if driver_host == LOOPBACK else "0.0.0.0",  # noqa: S104
        "spark.driver.host": driver_host,
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": " ".join(("-XX:+UseParallelGC", *_COMPILER)),
        # Executors begin with an environment of their server's; the code is where it is here.
        "spark.executorEnv.PYTHONPATH": str(PROJECT),
        "spark.executor.memory": "1g",
        "spark.executor.logs.rolling.strategy": "size",
        "spark.executor.logs.rolling.maxSize": "10000000",
        "spark.executor.logs.rolling.maxRetainedFiles": "3",
        "spark.local.dir": str(work_folder / "spark"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_ARROW_RECORDS),
        "spark.sql.streaming.metricsEnabled": "false",
        # When none come, how often it looks for ballots: an idle count and its broker take 0.2 of a core so, and 0.4
        # with the default of 10 ms.
        "spark.sql.streaming.pollingDelay": "50ms",
        **_CHECKPOINTS,
        "spark.python.worker.reuse": "true",
        **(_PORTS if driver_host != LOOPBACK else {}),
    }


def open_session(master: str, config: Mapping[str, str], log_file: Path) -> SparkSession:
    """Start Spark, or take up the session that this process has; what Spark says goes to `log_file`.

    Raises PermanentError where the JVM does not start.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if config["spark.driver.host"] == LOOPBACK:
        os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
    builder = SparkSession.builder.appName("election count").master(retrying(master))
    for name, value in config.items():
        builder = builder.config(name, value)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log_file.open("ab") as log, _stderr_to(log.fileno()):
            session = builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise PermanentError(
            f"Spark's JVM did not start ({_last_line(log_file)}). Java 17 or newer is needed: `election doctor` looks "
            f"for it; the whole story is in {log_file}."
        ) from error
    session.sparkContext.setLogLevel("WARN")
    return session


def retrying(master: str) -> str:
    """Return a local master that tries a failed task again, as clusters do: a task may be repeated at will."""
    if master.startswith("local[") and "," not in master:
        return master.removesuffix("]") + ",4]"
    return master


def _last_line(log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextmanager
def _stderr_to(file_number: int) -> Iterator[None]:
    """Give processes started meanwhile another stderr: the JVM and its Python workers keep the one they are born with.

    No setting reaches the JVM's own warnings at its start.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file_number, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
