"""Claims about the partition of a voter: every producer comes to the same one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafka_murmur2

from election_assets.domain.partitioning import murmur2, partition_of, partitions_of

voter_ids = st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z").map(str.encode)
partition_counts = st.integers(1, 1024)

# From Kafka's own UtilsTest, as signed 32 bits.
KAFKAS_OWN = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def test_the_hash_is_kafkas() -> None:
    assert {text: murmur2(text) for text in KAFKAS_OWN} == {
        text: signed & 0xFFFFFFFF for text, signed in KAFKAS_OWN.items()
    }


@given(st.binary(max_size=80))
def test_any_bytes_hash_as_kafka_python_hashes_them(data: bytes) -> None:
    assert murmur2(data) == kafka_murmur2(data) & 0xFFFFFFFF


@given(voter_ids, partition_counts)
def test_a_voters_partition_is_the_one_of_kafkas_default_partitioner(voter_id: bytes, partitions: int) -> None:
    assert partition_of(voter_id, partitions) == (kafka_murmur2(voter_id) & 0x7FFFFFFF) % partitions


@given(st.lists(voter_ids, max_size=40), partition_counts)
def test_the_whole_roll_at_once_comes_to_the_same_partitions(roll: list[bytes], partitions: int) -> None:
    at_once = partitions_of(np.array(roll, dtype="S"), partitions)
    assert at_once.tolist() == [partition_of(voter_id, partitions) for voter_id in roll]
