"""What one refresh of the page shows, read from the marts at one position.

Plain values without a database client, so that charts and wording can be tried without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Election:
    """An election and how far its count has come."""

    election_id: str
    election_name: str
    election_date: date
    election_type: str
    status: str
    is_test: bool
    closes_at: datetime | None
    publish: str
    registered_voter_count: int | None
    precinct_count: int
    contest_count: int
    position: int
    counted_count: int
    rejected_count: int
    quarantined_count: int
    hole_count: int
    counted_at: datetime | None

    @property
    def turnout_share(self) -> float | None:
        """Ballots counted ÷ registered voters; None where the roll is unknown or empty."""
        return self.counted_count / self.registered_voter_count if self.registered_voter_count else None

    @property
    def uncounted_count(self) -> int:
        """Messages rejected or quarantined."""
        return self.rejected_count + self.quarantined_count


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line of a contest; `rank`, `is_tied` and `margin_count` are None for write-ins."""

    contest_id: str
    candidate_id: str
    candidate_name: str
    party: str | None
    is_write_in: bool
    vote_count: int
    vote_share: float | None
    rank: int | None
    is_tied: bool | None
    margin_count: int | None
    votes_by_method: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Contest:
    """A contest with its candidates by rank, write-ins last; none while its choices are withheld."""

    contest_id: str
    contest_name: str
    votes_allowed: int
    ballot_count: int | None
    vote_count: int | None
    undervote_count: int | None
    overvote_count: int | None
    candidates: tuple[Candidate, ...] = ()

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates on the ballot paper: all but write-ins."""
        return tuple(candidate for candidate in self.candidates if candidate.rank is not None)


@dataclass(frozen=True, slots=True)
class Turnout:
    """Who came in one precinct; None where the roll is unknown."""

    reporting_unit_name: str
    parent_name: str | None
    registered_voter_count: int | None
    ballot_count: int
    turnout_share: float | None


@dataclass(frozen=True, slots=True)
class UncountedMessages:
    """How many messages were not counted for one reason."""

    verdict: str
    reason: str
    reason_description: str
    message_count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything on the page. Without `election`, there is none of the asked name, or none at all."""

    read_at: datetime
    elections: tuple[Election, ...]
    election: Election | None = None
    contests: tuple[Contest, ...] = ()
    ballots_by_method: Mapping[str, int] = field(default_factory=dict)
    precincts: tuple[Turnout, ...] = ()
    uncounted: tuple[UncountedMessages, ...] = ()


def chosen_election(elections: tuple[Election, ...], election_id: str | None) -> Election | None:
    """Find the election asked for; where none is asked for, the one counted last, else the newest."""
    if election_id is not None:
        return next((election for election in elections if election.election_id == election_id), None)
    counted = [election for election in elections if election.counted_at is not None]
    if counted:
        return max(counted, key=lambda election: election.counted_at.timestamp() if election.counted_at else 0)
    return max(elections, key=lambda election: election.election_date, default=None)
