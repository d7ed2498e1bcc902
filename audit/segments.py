"""Digests of a log, one per segment of 4,096 offsets: what they vouch for cannot be changed unseen, and is found again.

A digest of few messages could be guessed back by whoever has the ballots' ids, so they are kept in the evidence bundle
and never in Postgres; and what is left over at a partition's end belongs to the segment before it.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from audit.log import Message

LENGTH = 4_096
_FRAME = struct.Struct(">qqii")
_NULL = -1


@dataclass(frozen=True, slots=True)
class Segment:
    """The offsets [first_offset, end_offset) of a partition, the messages there, and their SHA-256."""

    partition: int
    first_offset: int
    end_offset: int
    message_count: int
    sha256: str


@dataclass(slots=True)
class Segmenter:
    """Makes the segments of one partition's offsets [0, end_offset) from its messages."""

    partition: int
    end_offset: int
    _counts: list[int] = field(default_factory=list)
    _digests: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        for _ in range(max(1, self.end_offset // LENGTH) if self.end_offset else 0):
            self._counts.append(0)
            self._digests.append(hashlib.sha256())

    def add(self, messages: Iterable[Message]) -> None:
        """Take in messages, in order of offset."""
        last = len(self._counts) - 1
        for number, block in groupby(messages, lambda message: min(message.offset // LENGTH, last)):
            spelled = [_spelled(message) for message in block]
            self._counts[number] += len(spelled)
            self._digests[number].update(b"".join(spelled))

    def segments(self) -> list[Segment]:
        """Return the segments; one without messages has the digest of nothing."""
        last = len(self._counts) - 1
        return [
            Segment(
                self.partition,
                number * LENGTH,
                self.end_offset if number == last else (number + 1) * LENGTH,
                count,
                digest.hexdigest(),
            )
            for number, (count, digest) in enumerate(zip(self._counts, self._digests, strict=True))
        ]


def _spelled(message: Message) -> bytes:
    """Return offset, append time, and lengths (−1 for null) as big-endian integers, then key and value."""
    key, value = message.key, message.value
    lengths = (_NULL if key is None else len(key), _NULL if value is None else len(value))
    return _FRAME.pack(message.offset, message.append_time_ms, *lengths) + (key or b"") + (value or b"")
