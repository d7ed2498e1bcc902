"""What counted ballots add to the ledger's tables: columns of keys and sums, without SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from election_assets.domain.frozen import FrozenElection, Roll, group_of
from election_assets.domain.judge import Judged
from election_assets.domain.placing import ContestMarks, Marks, Place

Columns = tuple[list[Any], ...]

# A key is packed into 63 bits, so that sums are sorts of integers: contest 15, candidate 15, precinct 24, method 3.
_METHOD_BITS = 3
_PLACE_BITS = 27
_CANDIDATE_BITS = 15


@dataclass(frozen=True, slots=True)
class Additions:
    """For each table its columns in the order of the ledger's: keys, then sums; no key twice."""

    ballot_counts: Columns
    contest_ballots: Columns
    tallies: Columns
    voter_group_counts: Columns
    arrivals: Columns


def add_up(judged: Judged, counted: np.ndarray, election: FrozenElection, roll: Roll) -> Additions:
    """Add up the valid ballots that `counted` (a mask over them) names."""
    places, marks = judged.place_numbers[counted], judged.marks_numbers[counted]
    methods = np.array([place.method_number for place in judged.lexicon.places], dtype=np.int64)[places]
    alike = _Alike(judged.lexicon.places, judged.lexicon.marks, places, marks)
    return Additions(
        ballot_counts=alike.ballot_counts(),
        contest_ballots=alike.contest_ballots(),
        tallies=alike.tallies(),
        voter_group_counts=_voter_groups(judged.voter_numbers[counted], election, roll),
        arrivals=_arrivals(judged.append_times_ms[counted], methods),
    )


class _Alike:
    """Ballots marked alike in one place, counted: `ballots` of each pair of `place` and `marks`."""

    def __init__(self, places: list[Place], marks: list[Marks], place_numbers: np.ndarray, marks_numbers: np.ndarray):
        pairs, self.ballots = np.unique(place_numbers * max(len(marks), 1) + marks_numbers, return_counts=True)
        place_of_pair, marks_of_pair = np.divmod(pairs, max(len(marks), 1))
        used, self.marks = np.unique(marks_of_pair, return_inverse=True)
        self.known = [marks[number] for number in used.tolist()]
        codes = [place.precinct_number << _METHOD_BITS | place.method_number for place in places]
        styles = [place.ballot_style_number for place in places]
        self.place = np.array(codes, dtype=np.int64)[place_of_pair]
        self.style = np.array(styles, dtype=np.int64)[place_of_pair]

    def ballot_counts(self) -> Columns:
        blanks = np.array([marks.is_blank for marks in self.known], dtype=np.int64)[self.marks] * self.ballots
        keys, ballots, blank = _summed(self.style << _PLACE_BITS | self.place, self.ballots, blanks)
        precinct, method = _split(keys & _low(_PLACE_BITS), _METHOD_BITS)
        return _columns(precinct, keys >> _PLACE_BITS, method, ballots, blank)

    def contest_ballots(self) -> Columns:
        contests, part, pair = self._expanded([marks.contests for marks in self.known])
        numbers = np.array([(one.contest_number, one.undervotes, one.overvotes) for one in contests], dtype=np.int64)
        numbers = numbers.reshape(-1, 3)[part]
        ballots = self.ballots[pair]
        keys, *sums = _summed(
            numbers[:, 0] << _PLACE_BITS | self.place[pair], ballots, ballots * numbers[:, 1], ballots * numbers[:, 2]
        )
        precinct, method = _split(keys & _low(_PLACE_BITS), _METHOD_BITS)
        return _columns(keys >> _PLACE_BITS, precinct, method, *sums)

    def tallies(self) -> Columns:
        votes, part, pair = self._expanded([_votes(marks.contests) for marks in self.known])
        codes = np.array(votes, dtype=np.int64)[part]
        keys, sums = _summed(codes << _PLACE_BITS | self.place[pair], self.ballots[pair])
        contest, candidate = _split(keys >> _PLACE_BITS, _CANDIDATE_BITS)
        precinct, method = _split(keys & _low(_PLACE_BITS), _METHOD_BITS)
        return _columns(contest, candidate, precinct, method, sums)

    def _expanded(self, parts: Sequence[Sequence[Any]]) -> tuple[list[Any], np.ndarray, np.ndarray]:
        """Return the parts of all marks; then for every pair and part the part's index and the pair's."""
        sizes = np.array([len(own) for own in parts], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        pair = np.repeat(np.arange(len(self.marks)), sizes[self.marks])
        within = np.arange(len(pair)) - np.repeat(np.cumsum(sizes[self.marks]) - sizes[self.marks], sizes[self.marks])
        return list(chain.from_iterable(parts)), starts[self.marks[pair]] + within, pair


def _votes(contests: tuple[ContestMarks, ...]) -> list[int]:
    return [one.contest_number << _CANDIDATE_BITS | number for one in contests for number in one.candidate_numbers]


def _voter_groups(voters: np.ndarray, election: FrozenElection, roll: Roll) -> Columns:
    parents = np.zeros(max(election.parent_numbers, default=0) + 1, dtype=np.int64)
    for precinct, parent in election.parent_numbers.items():
        parents[precinct] = parent
    keys, ballots = np.unique(parents[roll.precinct_numbers[voters]] << 8 | roll.groups[voters], return_counts=True)
    groups = [group_of(key & 0xFF) for key in keys.tolist()]
    return ((keys >> 8).tolist(), [age for age, _ in groups], [gender for _, gender in groups], ballots.tolist())


def _arrivals(append_times_ms: np.ndarray, methods: np.ndarray) -> Columns:
    keys, ballots = np.unique((append_times_ms // 60_000) << _METHOD_BITS | methods, return_counts=True)
    minute, method = _split(keys, _METHOD_BITS)
    moments = [datetime.fromtimestamp(one * 60, tz=UTC) for one in minute.tolist()]
    return (moments, method.tolist(), ballots.tolist())


def _summed(keys: np.ndarray, *amounts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the distinct keys, sorted, and the sum of each amount for them."""
    distinct, rows = np.unique(keys, return_inverse=True)
    # Sums of floats are exact below 2^53 ballots.
    return distinct, *(np.bincount(rows, one, len(distinct)).astype(np.int64) for one in amounts)


def _split(keys: np.ndarray, low_bits: int) -> tuple[np.ndarray, np.ndarray]:
    return keys >> low_bits, keys & _low(low_bits)


def _low(bits: int) -> int:
    return (1 << bits) - 1


def _columns(*arrays: np.ndarray) -> Columns:
    return tuple(array.tolist() for array in arrays)
