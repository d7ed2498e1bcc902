"""The partition of a voter: Kafka's default partitioner, computed here so that every producer agrees.

Kafka clients differ in their defaults (librdkafka uses CRC32), and a topic may gain
partitions, so ballots name their partition explicitly.
"""

import numpy as np

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995


def partition_of(voter_id: bytes, partition_count: int) -> int:
    """Return the partition that all ballots of a voter go to: `murmur2(voter_id) & 0x7fffffff mod N`."""
    return (murmur2(voter_id) & 0x7FFFFFFF) % partition_count


def murmur2(data: bytes) -> int:
    """Hash as `org.apache.kafka.common.utils.Utils.murmur2` does; unsigned 32 bits."""
    length = len(data)
    h = _SEED ^ length
    for start in range(0, length - 3, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    tail = data[length & ~3 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def partitions_of(voter_ids: np.ndarray, partition_count: int) -> np.ndarray:
    """Return `partition_of` for a fixed-width bytes array (dtype S): uint16, same length."""
    partitions = np.zeros(len(voter_ids), dtype=np.uint16)
    if not len(voter_ids):
        return partitions
    lengths = np.char.str_len(voter_ids)
    letters = voter_ids.view(np.uint8).reshape(len(voter_ids), -1)
    for length in np.unique(lengths):
        rows = lengths == length
        hashes = _murmur2_of_one_length(letters[rows, :length].astype(np.uint32))
        partitions[rows] = (hashes & 0x7FFFFFFF) % partition_count
    return partitions


def _murmur2_of_one_length(letters: np.ndarray) -> np.ndarray:
    """Hash rows of bytes (n × length, held as uint32, whose products wrap as the algorithm wants)."""
    length = letters.shape[1]
    m = np.uint32(_M)
    h: np.ndarray = np.full(len(letters), _SEED ^ length, dtype=np.uint32)
    whole = length - length % 4
    for start in range(0, whole, 4):
        k = _little_endian(letters[:, start : start + 4]) * m
        h = h * m ^ (k ^ (k >> 24)) * m
    if whole < length:
        h = (h ^ _little_endian(letters[:, whole:])) * m
    h = (h ^ (h >> 13)) * m
    hashes: np.ndarray = h ^ (h >> 15)
    return hashes


def _little_endian(letters: np.ndarray) -> np.ndarray:
    value = np.zeros(len(letters), dtype=np.uint32)
    for place in range(letters.shape[1]):
        value |= letters[:, place] << np.uint32(8 * place)
    return value
