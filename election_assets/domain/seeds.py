"""Everything drawn from a seed: random generators, and keyed numbers that look random and never repeat.

Each use names its purpose, so that drawing more for one never changes what another draws.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from election_assets.domain.apportionment import Integers

Words = npt.NDArray[np.uint64]


def _digest(election_id: str, seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{election_id}/{seed}/{purpose}".encode(), digest_size=32).digest()


def generator(election_id: str, seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose: the same arguments draw the same numbers."""
    return np.random.default_rng(np.frombuffer(_digest(election_id, seed, purpose), dtype="<u4").tolist())


def seed_text(election_id: str, seed: int, purpose: str) -> str:
    """Return 16 letters that name the generator of one purpose to those who draw elsewhere."""
    return _digest(election_id, seed, purpose).hex()[:16]


def scattered(indexes: Integers, bits: int, election_id: str, seed: int, purpose: str) -> Words:
    """Map distinct indexes below 2**bits to distinct numbers below 2**bits that show no order.

    Four rounds of xor, odd multiplication and xor-shift, each of which can be undone, so nothing collides.
    """
    mask = np.uint64((1 << bits) - 1)
    shift = np.uint64(bits // 2)
    keys = np.frombuffer(_digest(election_id, seed, purpose), dtype="<u8")
    numbers = indexes.astype(np.uint64)
    for key in keys:
        numbers = (numbers ^ key) & mask
        numbers = (numbers * (key | np.uint64(1))) & mask
        numbers ^= numbers >> shift
    return numbers
