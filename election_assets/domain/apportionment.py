"""The division of whole numbers into whole parts, by largest remainders."""

import numpy as np
import numpy.typing as npt

_MOST = np.iinfo(np.int64).max

Integers = npt.NDArray[np.int64]


def apportioned(count: int, weights: Integers) -> Integers:
    """Divide `count` in proportion to `weights` by largest remainders; evenly where all weights are 0."""
    if weights.sum() == 0:
        weights = np.ones_like(weights)
    if count * int(weights.max()) > _MOST:
        # Beyond 64 bits numpy goes on with wrong figures: whole numbers of Python have no such end.
        weights = weights.astype(object)
    products, total = count * weights, weights.sum()
    shares: Integers = (products // total).astype(np.int64)
    remainders = products % total
    missing = count - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return shares


def apportioned_within(count: int, room: Integers) -> Integers:
    """Divide `count` in proportion to `room`, filling it up first and going beyond it only where nothing is left."""
    within = apportioned(min(count, int(room.sum())), room)
    # Largest remainders keep each share within its room as long as the sum is.
    beyond = count - int(within.sum())
    return within + apportioned(beyond, room) if beyond else within
