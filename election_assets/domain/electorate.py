"""The roll of an election: synthetic voters on its precincts and ballot styles, drawn from its seed.

Who they are as people is in `people.py`; which of them vote, and how, is in `replay.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from election_assets.domain.election import Election
from election_assets.domain.frozen import AGE_GROUPS, GENDERS
from election_assets.domain.seeds import generator, scattered

# Roughly the registered voters of a United States county; nobody synthetic is of unknown age.
_AGE_SHARES = (0.10, 0.16, 0.16, 0.16, 0.18, 0.24, 0.0)
_GENDER_SHARES = (0.51, 0.47, 0.02)

_ALPHABET = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", dtype=np.uint8)
_ID_BITS = 40


@dataclass(frozen=True, slots=True)
class VoterColumns:
    """The roll, a column each, in the order of `Election.precinct_ballot_styles`.

    Numbers are positions from 1 among the election's reporting units and ballot styles; groups are
    positions from 0 in AGE_GROUPS and GENDERS.
    """

    voter_ids: npt.NDArray[np.bytes_]
    precinct_numbers: npt.NDArray[np.int32]
    ballot_style_numbers: npt.NDArray[np.int16]
    age_groups: npt.NDArray[np.int8]
    genders: npt.NDArray[np.int8]

    def __len__(self) -> int:
        """Return the size of the roll."""
        return len(self.voter_ids)

    def rows(self) -> Iterator[tuple[str, int, int, str, str]]:
        """Yield voter_id, precinct_number, ballot_style_number, age_group, gender of each voter."""
        for first in range(0, len(self), 100_000):
            part = slice(first, first + 100_000)
            yield from zip(
                self.voter_ids[part].astype(str).tolist(),
                self.precinct_numbers[part].tolist(),
                self.ballot_style_numbers[part].tolist(),
                [AGE_GROUPS[group] for group in self.age_groups[part].tolist()],
                [GENDERS[group] for group in self.genders[part].tolist()],
                strict=True,
            )


def voters(election: Election) -> VoterColumns:
    """Draw the roll: exactly `voter_count` voters for each precinct and ballot style.

    It depends on the election's own seed alone, so a replay cast with another seed meets the same roll.
    """
    unit_numbers = {unit.reporting_unit_id: at for at, unit in enumerate(election.reporting_units, 1)}
    style_numbers = {style.ballot_style_id: at for at, style in enumerate(election.ballot_styles, 1)}
    groups = election.precinct_ballot_styles
    sizes = [group.voter_count for group in groups]
    random = generator(election.election_id, election.seed, "voter groups")
    return VoterColumns(
        voter_ids=_voter_ids(election),
        precinct_numbers=np.repeat(
            np.array([unit_numbers[group.precinct_id] for group in groups], dtype=np.int32), sizes
        ),
        ballot_style_numbers=np.repeat(
            np.array([style_numbers[group.ballot_style_id] for group in groups], dtype=np.int16), sizes
        ),
        age_groups=random.choice(len(AGE_GROUPS), election.voter_count, p=_AGE_SHARES).astype(np.int8),
        genders=random.choice(len(GENDERS), election.voter_count, p=_GENDER_SHARES).astype(np.int8),
    )


def _voter_ids(election: Election) -> npt.NDArray[np.bytes_]:
    """Return ids like `v3k9x0b7q`: 40 scattered bits, so no id tells its precinct or its neighbours."""
    count = election.voter_count
    numbers = scattered(np.arange(count, dtype=np.int64), _ID_BITS, election.election_id, election.seed, "voter ids")
    letters = np.full((count, 1 + _ID_BITS // 5), ord("v"), dtype=np.uint8)
    for place in range(_ID_BITS // 5):
        letters[:, 1 + place] = _ALPHABET[(numbers >> np.uint64(5 * place)) & np.uint64(31)]
    return letters.reshape(-1).view(f"S{letters.shape[1]}")
