"""A partition's log cut on the broker's disk, as a lost disk page or a careless hand would."""

import struct
from pathlib import Path

# What Kafka keeps beside the messages and makes anew from them.
_DERIVED = ("*.index", "*.timeindex", "*.snapshot", "*.txnindex")


def cut_log(data: Path, topic: str, partition: int, offset: int) -> None:
    """Cut a partition so that it ends at `offset`, where a batch must begin. The broker must be down."""
    folder = data / f"{topic}-{partition}"
    (segment,) = folder.glob("*.log")
    content = segment.read_bytes()
    place = 0
    while place < len(content):
        # Each batch begins with its first offset and its length after these 12 bytes.
        first_offset, length = struct.unpack_from(">qi", content, place)
        if first_offset == offset:
            break
        assert first_offset < offset, f"No batch begins at offset {offset}."
        place += 12 + length
    else:
        raise AssertionError(f"{segment} ends before offset {offset}.")
    with segment.open("r+b") as file:
        file.truncate(place)
    for pattern in _DERIVED:
        for derived in folder.glob(pattern):
            derived.unlink()
    # Without it the broker takes its shutdown for a crash, and looks at what is really there.
    (data / ".kafka_cleanshutdown").unlink(missing_ok=True)
