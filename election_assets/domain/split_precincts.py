"""The division of a split precinct's ballots among its ballot styles, where only the precinct's sum is published.

A ballot carries one district of an office. Each office that is split here cuts the line of ballots into one stretch
per district; several split offices cut the same line, so that few combinations of districts arise.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from election_assets.domain.apportionment import Integers, apportioned

# The contests of one office that can stand together on a ballot, for each way they can.
Options = tuple[tuple[str, ...], ...]
# Per combination of one option per split office, the ballots by method.
Division = dict[tuple[int, ...], Integers]


def split_offices(styles: Sequence[Sequence[str]], offices: dict[str, str]) -> list[Options]:
    """Return the offices that differ between ballot styles (lists of contests), each with its options.

    `offices` has every contest's office; its order alone decides the order of the answer.
    """
    shared = set(styles[0]).intersection(*styles[1:])
    on_styles = {contest_id for style in styles for contest_id in style}
    places = {contest_id: at for at, contest_id in enumerate(offices)}
    differing = dict.fromkeys(offices[one] for one in offices if one in on_styles - shared)
    split = []
    for office in differing:
        options = {option_of(style, office, offices, shared) for style in styles}
        split.append(tuple(sorted(options, key=lambda option: [places[one] for one in option])))
    return split


def option_of(style: Sequence[str], office: str, offices: dict[str, str], shared: set[str]) -> tuple[str, ...]:
    """Return the contests of an office on a ballot style, in order, but for those that every style shares."""
    return tuple(one for one in sorted(style) if offices[one] == office and one not in shared)


def option_needs(options: Options, needs: dict[str, Integers], methods: int) -> Integers:
    """Return the fewest ballots by option and method on which the votes of its contests find place."""
    nothing = np.zeros(methods, dtype=np.int64)
    return np.stack([np.max([nothing, *(needs.get(one, nothing) for one in option)], axis=0) for option in options])


def divided_by_seed(needs: Sequence[Integers], sizes: Integers, random: np.random.Generator) -> Division:
    """Divide ballots when the sizes of the parts are unknown: what no district's votes claim goes by seed.

    `needs` has per split office a row per option and a column per method; `sizes` are the ballots by method.
    """
    lengths = []
    for need in needs:
        shares = (need.sum(axis=1) + 1) / (need.sum() + len(need))
        rest = sizes - need.sum(axis=0)
        lengths.append(need + random.multinomial(rest, shares).T)
    return _combined(lengths, sizes)


def divided_by_room(needs: Sequence[Integers], sizes: Integers, room: Sequence[Integers]) -> Division:
    """Divide ballots when each option has `room` for so many voters: what no votes claim goes where most is left."""
    lengths = []
    for need, voters in zip(needs, room, strict=True):
        left = voters - need.sum(axis=1)
        length = need.copy()
        for method, rest in enumerate(sizes - need.sum(axis=0)):
            added = apportioned(int(rest), left.clip(0))
            length[:, method] += added
            left = left - added
        lengths.append(length)
    return _combined(lengths, sizes)


def _combined(lengths: Sequence[Integers], sizes: Integers) -> Division:
    """Lay each office's stretches along the same line and return the combinations that arise."""
    division: Division = {}
    for method, size in enumerate(sizes):
        ends = [np.cumsum(length[:, method]) for length in lengths]
        cuts = np.unique(np.concatenate([[0, size], *ends]))
        for first, last in pairwise(cuts):
            combination = tuple(int(np.searchsorted(end, first, side="right")) for end in ends)
            ballots = division.setdefault(combination, np.zeros(len(sizes), dtype=np.int64))
            ballots[method] += last - first
    return dict(sorted(division.items()))
