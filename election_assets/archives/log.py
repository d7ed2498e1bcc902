"""The log in an archive: a Parquet file for each partition, a row for each offset.

Headers are not archived: no verdict looks at them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from audit.log import Message
from election_assets.errors import PermanentError
from spark.topic import LogReader

_SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("appended_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
    ]
)
_ROWS_AT_ONCE, _BYTES_AT_ONCE = 20_000, 32 << 20


def name_of(partition: int) -> str:
    """Return the name of a partition's file."""
    return f"log/partition-{partition:04}.parquet"


def messages_in(log: LogReader, partition: int, end: int) -> Iterator[Message]:
    """Yield the messages that Kafka has before offset `end` of a partition."""
    for one in log.messages_from(partition, 0, end):
        yield Message(partition, one.offset, one.timestamp, one.key, one.value)


def write_partition(messages: Iterable[Message], place: Path) -> int:
    """Write messages of one partition, from its first on; return how many.

    Raises PermanentError for a log with holes: no other log could have the same offsets again.
    """
    written = 0
    with parquet.ParquetWriter(place, _SCHEMA, compression="zstd") as writer:
        for block in blocks(messages):
            for expected, message in enumerate(block, written):
                if message.offset != expected:
                    raise hole(message.partition, expected)
            columns = [
                pa.array(column, kind) for column, kind in zip(zip(*block, strict=True), _SCHEMA.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
            written += len(block)
    return written


def hole(partition: int, offset: int) -> PermanentError:
    """Return the refusal of a log that has no message at an offset."""
    return PermanentError(
        f"The log has no message at {partition}:{offset}, as after a producer's transaction: a log made from an "
        "archive could not have the same offsets. Keep this election's topic as it is, with its backups."
    )


def read_partition(place: Path) -> Iterator[Message]:
    """Yield the messages of a partition's file in order of offset."""
    with parquet.ParquetFile(place) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            columns = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in batch]
            yield from map(Message._make, zip(*(column.to_pylist() for column in columns), strict=True))


def blocks(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Yield messages in blocks of bounded size."""
    block: list[Message] = []
    size = 0
    for message in messages:
        block.append(message)
        size += len(message.value or b"")
        if len(block) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
            yield block
            block, size = [], 0
    if block:
        yield block
