"""What one refresh of a page shows, read from the marts at one position.

Plain values without a database client, so that charts and wording can be tried without one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar, cast

Made = TypeVar("Made")


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
    baseline_election_id: str | None = None

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
    """A line of a contest; `rank`, `is_tied` and `margin_count` are None for write-ins.

    `vote_count` and `votes_by_method` have the office's corrections in them, which `adjustment_count` adds up.
    """

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
    adjustment_count: int = 0

    @property
    def counted_count(self) -> int:
        """The votes that were counted, without corrections."""
        return self.vote_count - self.adjustment_count


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
    def is_corrected(self) -> bool:
        """Whether the office corrected a total of this contest."""
        return any(candidate.adjustment_count for candidate in self.candidates)

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates on the ballot paper: all but write-ins."""
        return tuple(candidate for candidate in self.candidates if candidate.rank is not None)


@dataclass(frozen=True, slots=True)
class Health:
    """How an election's count goes; None where no run was ever started, or nothing was verified."""

    is_running: bool
    ended_at: datetime | None
    ended_why: str | None
    position: int
    log_end: int | None
    log_end_at: datetime | None
    lag_count: int | None
    batch_p50_ms: int | None
    batch_p95_ms: int | None
    messages_per_second: float | None
    newest_ballot_at: datetime | None
    verified_at: datetime | None
    verified_position: int | None
    is_verified: bool | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One refresh of one page. Without `election`, there is none of the asked name, or none at all.

    `contest` is the chosen one of `contests`, which have no candidates otherwise; `content` is what only this page
    shows (see `contents.py`).
    """

    read_at: datetime
    elections: tuple[Election, ...]
    election: Election | None = None
    health: Health | None = None
    contests: tuple[Contest, ...] = ()
    contest: Contest | None = None
    content: object = None
    _made: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: object, make: Callable[[], Made]) -> Made:
        """Return what is made of this refresh under a name: once for all its viewers, who only look at it."""
        if name not in self._made:
            self._made[name] = make()
        return cast(Made, self._made[name])


def chosen_election(elections: tuple[Election, ...], election_id: str | None) -> Election | None:
    """Find the election asked for; where none is asked for, the one counted last, else the newest."""
    if election_id is not None:
        return next((election for election in elections if election.election_id == election_id), None)
    counted = [election for election in elections if election.counted_at is not None]
    if counted:
        return max(counted, key=lambda election: election.counted_at.timestamp() if election.counted_at else 0)
    return max(elections, key=lambda election: election.election_date, default=None)


def chosen_contest(contests: tuple[Contest, ...], contest_id: str | None) -> Contest | None:
    """Find the contest asked for; the first of the election where there is none of that name."""
    return next((contest for contest in contests if contest.contest_id == contest_id), next(iter(contests), None))
