"""The frozen registry as judges need it: names to numbers, and the roll as sorted arrays.

How it is read from Postgres and shared between workers is in `spark/registry.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

AGE_GROUPS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+", "unknown")
GENDERS = ("female", "male", "unknown")


@dataclass(frozen=True, slots=True)
class ContestRules:
    """A contest as it is counted: its number, how many selections it allows, its candidates' numbers."""

    contest_number: int
    votes_allowed: int
    candidate_numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FrozenElection:
    """The definition that an election was opened with; times in milliseconds since 1970, UTC."""

    election_id: str
    election_number: int
    partition_count: int
    registry_hash: str
    opens_at_ms: int | None
    closes_at_ms: int | None
    method_numbers: Mapping[str, int]
    precinct_numbers: Mapping[str, int]
    ballot_style_numbers: Mapping[str, int]
    parent_numbers: Mapping[int, int]
    precinct_ballot_styles: frozenset[tuple[int, int]]
    ballot_style_contests: Mapping[int, frozenset[str]]
    contests: Mapping[str, ContestRules]


@dataclass(frozen=True, slots=True)
class Roll:
    """All voters in byte order of their ids: a voter's number is the row.

    `ids` is a fixed-width bytes array (dtype S); `groups` is `group_number` of age group and
    gender. About 15 bytes a voter; the arrays may be memory-mapped and shared.
    """

    ids: np.ndarray
    precinct_numbers: np.ndarray
    ballot_style_numbers: np.ndarray
    groups: np.ndarray
    partitions: np.ndarray

    def find(self, voter_ids: Sequence[bytes]) -> np.ndarray:
        """Return each voter's number, -1 where the id is not on the roll. Ids must hold no NUL."""
        if not len(self.ids) or not len(voter_ids):
            return np.full(len(voter_ids), -1, dtype=np.int64)
        # numpy would cut a longer id to the width without a word, and then find another voter.
        width = self.ids.dtype.itemsize
        wanted = np.array([voter_id if len(voter_id) <= width else b"" for voter_id in voter_ids], dtype=self.ids.dtype)
        rows = np.searchsorted(self.ids, wanted)
        rows[rows == len(self.ids)] = 0
        return np.where((self.ids[rows] == wanted) & (wanted != b""), rows, -1)


def group_number(age_group: str, gender: str) -> int:
    """Return the code of a demographic group, as kept in `Roll.groups`."""
    return AGE_GROUPS.index(age_group) * len(GENDERS) + GENDERS.index(gender)


def group_of(number: int) -> tuple[str, str]:
    """Return the age group and gender of a code."""
    age_group, gender = divmod(number, len(GENDERS))
    return AGE_GROUPS[age_group], GENDERS[gender]
