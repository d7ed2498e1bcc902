"""What only one of the pages shows: plain values, a class per page and per kind of row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Race:
    """How a race stands by arithmetic; counts of ballots, None where they are not known."""

    outstanding_count: int | None
    expected_outstanding_count: int | None
    needed_share: float | None
    can_quarantined_change_it: bool
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How many precincts have none, some and all of their expected ballots, and the share of those counted."""

    precinct_count: int
    none_count: int
    some_count: int
    all_count: int
    expected_share: float | None


@dataclass(frozen=True, slots=True)
class PastShare:
    """A candidate's votes at a moment of the night."""

    as_of_at: datetime
    candidate_id: str
    vote_count: int
    vote_share: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """The chosen contest: its race and progress, None where choices are withheld, and its history."""

    race: Race | None = None
    progress: Progress | None = None
    history: Sequence[PastShare] = ()


@dataclass(frozen=True, slots=True)
class UnitTurnout:
    """Who came in one reporting unit; None where the roll is unknown."""

    reporting_unit_id: str
    reporting_unit_name: str
    reporting_unit_type: str
    parent_name: str | None
    is_precinct: bool
    registered_voter_count: int | None
    ballot_count: int
    turnout_share: float | None


@dataclass(frozen=True, slots=True)
class GroupTurnout:
    """Who came of one age group and gender in one unit; None where that is suppressed or unknown."""

    reporting_unit_name: str
    age_group: str
    gender: str
    is_suppressed: bool
    registered_voter_count: int | None
    ballot_count: int | None
    turnout_share: float | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Ballots that came in within `minutes` from a minute on, by one method."""

    appended_minute: datetime
    minutes: int
    method: str
    ballot_count: int


@dataclass(frozen=True, slots=True)
class Turnout:
    """Who came: by method, by unit, by group of voters, and over time."""

    ballots_by_method: Mapping[str, int] = field(default_factory=dict)
    units: Sequence[UnitTurnout] = ()
    groups: Sequence[GroupTurnout] = ()
    arrivals: Sequence[Arrivals] = ()


@dataclass(frozen=True, slots=True)
class AreaVotes:
    """A candidate's votes in one reporting unit."""

    reporting_unit_id: str
    reporting_unit_name: str
    candidate_id: str
    vote_count: int
    precinct_count: int
    all_count: int


@dataclass(frozen=True, slots=True)
class CellVotes:
    """A candidate's votes in the chosen precinct by one method."""

    candidate_id: str
    method: str
    vote_count: int


@dataclass(frozen=True, slots=True)
class Areas:
    """The chosen contest by unit of the chosen level, and the chosen precinct of it."""

    levels: Sequence[str] = ()
    level: str | None = None
    votes: Sequence[AreaVotes] = ()
    unit_id: str | None = None
    cells: Sequence[CellVotes] = ()


@dataclass(frozen=True, slots=True)
class UncountedMessages:
    """How many messages were not counted for one reason."""

    verdict: str
    reason: str
    reason_description: str
    message_count: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many cells (contest, precinct, method) balance, and how many of the published ones are reproduced."""

    cell_count: int
    balanced_count: int
    official_count: int
    reproduced_count: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What the source contradicts in itself, in one row, and what was done about it."""

    kind: str
    precinct_id: str | None
    contest_id: str | None
    candidate_id: str | None
    method: str | None
    found: str | None
    expected: str | None
    action: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of the election office."""

    adjusted_at: datetime
    adjustment_id: str
    contest_id: str
    candidate_id: str
    precinct_id: str
    method: str
    vote_change: int
    reason: str
    adjusted_by: str


@dataclass(frozen=True, slots=True)
class Integrity:
    """Every message accounted for, and what the figures are checked against."""

    agreement: Agreement | None = None
    uncounted: Sequence[UncountedMessages] = ()
    contradictions: Sequence[Contradiction] = ()
    corrections: Sequence[Correction] = ()


@dataclass(frozen=True, slots=True)
class OfficialVotes:
    """Our votes of a contest beside the published ones, over the cells that the source published."""

    contest_name: str
    vote_count: int
    official_vote_count: int
    differing_count: int


@dataclass(frozen=True, slots=True)
class Swing:
    """A party's share of a contest in this election and in the one it is compared with; None where it did not run."""

    party: str
    vote_share: float | None
    baseline_share: float | None

    @property
    def points(self) -> float | None:
        """The difference of the two shares."""
        return None if self.vote_share is None or self.baseline_share is None else self.vote_share - self.baseline_share


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the official figures, and this election beside its baseline, where it has one."""

    official: Sequence[OfficialVotes] = ()
    baseline_name: str | None = None
    swings: Sequence[Swing] = ()
