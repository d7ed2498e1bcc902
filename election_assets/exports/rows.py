"""The rows that exports are made of; the fields of those that become tables are the columns of the files."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ElectionRow:
    """The election and how far it is counted; `registry_hash` is None for a draft."""

    election_id: str
    election_name: str
    election_date: date
    election_type: str
    status: str
    is_test: bool
    publish: str
    closes_at: datetime | None
    registry_hash: str | None
    position: int
    recount: int
    counted_count: int
    rejected_count: int
    quarantined_count: int
    hole_count: int
    counted_at: datetime | None
    exported_at: datetime


@dataclass(frozen=True, slots=True)
class ContestRow:
    """A contest, in ballot order."""

    contest_id: str
    contest_number: int
    contest_name: str
    office: str
    district: str | None
    votes_allowed: int


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A line of a contest, in ballot order."""

    contest_id: str
    candidate_id: str
    candidate_number: int
    candidate_name: str
    party: str | None
    is_write_in: bool


@dataclass(frozen=True, slots=True)
class PrecinctContestRow:
    """A precinct that votes on a contest, and whether all ballots expected of it are counted."""

    contest_id: str
    precinct_id: str
    is_reported: bool
    expected_ballot_count: int | None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """results: one row per candidate, precinct and method. `adjusted_vote_count` has the office's corrections in it."""

    election_id: str
    contest_id: str
    contest_name: str
    candidate_id: str
    candidate_name: str
    party: str | None
    is_write_in: bool
    precinct_id: str
    precinct_name: str
    method: str
    vote_count: int
    adjustment_count: int
    adjusted_vote_count: int
    position: int


@dataclass(frozen=True, slots=True)
class ContestCountRow:
    """contests: one row per contest, precinct and method; ballots × `votes_allowed` = votes + under- + overvotes."""

    election_id: str
    contest_id: str
    contest_name: str
    votes_allowed: int
    precinct_id: str
    precinct_name: str
    method: str
    ballot_count: int
    vote_count: int
    adjustment_count: int
    undervote_count: int
    overvote_count: int
    position: int


@dataclass(frozen=True, slots=True)
class BallotRow:
    """ballots: one row per precinct and method; `blank_count` is None while choices are withheld."""

    election_id: str
    precinct_id: str
    precinct_name: str
    method: str
    ballot_count: int
    blank_count: int | None
    position: int


@dataclass(frozen=True, slots=True)
class TurnoutRow:
    """turnout: one row per reporting unit of any level; registration and turnout are None where it is unknown."""

    election_id: str
    reporting_unit_id: str
    reporting_unit_name: str
    reporting_unit_type: str
    parent_id: str | None
    is_precinct: bool
    registered_voter_count: int | None
    ballot_count: int
    turnout_share: Decimal | None
    position: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """history: one row per moment, contest and candidate; `rank` is None for write-ins."""

    election_id: str
    as_of_at: datetime
    recount: int
    position: int
    contest_id: str
    contest_name: str
    candidate_id: str
    candidate_name: str
    party: str | None
    is_write_in: bool
    vote_count: int
    adjustment_count: int
    adjusted_vote_count: int
    vote_share: Decimal | None
    rank: int | None
    is_tied: bool
    is_leading: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is exported of an election, as the marts had it at one moment; `evidence` is a bundle's alone."""

    election: ElectionRow
    contests: list[ContestRow]
    candidates: list[CandidateRow]
    precinct_contests: list[PrecinctContestRow]
    results: list[ResultRow]
    contest_counts: list[ContestCountRow]
    ballots: list[BallotRow]
    turnout: list[TurnoutRow]
    history: list[HistoryRow]
    evidence: bytes | None = None

    @property
    def is_withheld(self) -> bool:
        """Return whether the marts hold back all choices, because the polls have not closed."""
        return self.election.publish == "at_close" and not self.contest_counts

    @property
    def precincts(self) -> list[TurnoutRow]:
        """Return the units that have voters of their own."""
        return [unit for unit in self.turnout if unit.is_precinct]
