"""The votes topic as Spark reads it, and how far each micro-batch reaches."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from election_assets.domain.ballot import MAX_BALLOT_BYTES
from election_assets.domain.judge import MAX_KEY_BYTES
from spark.ledger import Stretch
from spark.settings import CountSettings

# Measured: with the client's defaults the JVM's share per ballot is some 10 % higher. A fetch that was sent ahead and
# finds nothing new holds up what a micro-batch asks for next: by half a second with the default.
_FETCH = {
    "kafka.fetch.max.wait.ms": "5",
    "kafka.max.poll.records": "20000",
    "kafka.max.partition.fetch.bytes": str(16 << 20),
    "kafka.fetch.max.bytes": str(64 << 20),
}


def read_votes(session: SparkSession, settings: CountSettings, starts: Mapping[int, int]) -> DataFrame:
    """Read the votes topic from `starts` (partition → offset) on, one Spark task per Kafka partition.

    Columns: partition int, offset bigint, append_time_ms bigint, key binary, value binary.
    What is too long to be a ballot or a voter's id comes as null, so it never reaches Python.
    """
    messages = (
        session.readStream.format("kafka")
        .options(**settings.kafka.spark_options())
        .option("subscribe", settings.topic)
        .option("startingOffsets", json.dumps({settings.topic: {str(one): at for one, at in starts.items()}}))
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", settings.max_offsets_per_trigger)
        .options(**_FETCH)
        .load()
    )
    return messages.select(
        "partition",
        "offset",
        F.unix_millis("timestamp").alias("append_time_ms"),
        F.when(F.length("key") <= MAX_KEY_BYTES, F.col("key")).alias("key"),
        F.when(F.length("value") <= MAX_BALLOT_BYTES, F.col("value")).alias("value"),
    )


def only(messages: DataFrame, stretches: Sequence[Stretch]) -> DataFrame:
    """Return the messages of these stretches alone."""
    inside = F.lit(False)
    for one in stretches:
        place = F.col("offset")
        inside |= (F.col("partition") == one.partition) & (place >= one.start) & (place < one.end)
    return messages.filter(inside)


def batch_ends(checkpoint: Path, batch_id: int, topic: str) -> dict[int, int]:
    """Return partition → offset after the last of a micro-batch, as Spark planned it before running it.

    Offsets of the plan that are not delivered are holes (transaction markers); only the plan
    tells how many follow the last message.
    """
    lines = (checkpoint / "offsets" / str(batch_id)).read_text().splitlines()
    return {int(partition): end for partition, end in json.loads(lines[-1])[topic].items()}
