"""The election as its office defines it: contests, candidates, reporting units, ballot styles.

How an election folder is spelled on disk is in `election_folder.py`; how it is kept in
Postgres is in `registry.py` of the package.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from election_assets.domain.plain_text import shortened
from election_assets.errors import PermanentError

ID_PATTERN = re.compile(r"\A[A-Za-z0-9._:-]{1,64}\Z")
# Folders and Kafka topics are called after elections: no colon, and neither `.` nor `..`.
ELECTION_ID_PATTERN = re.compile(r"\A(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,64}\Z")
MAX_PARTITIONS = 1024


def check_election_id(election_id: str) -> None:
    """Raise PermanentError for an id that no new election can have."""
    if not ELECTION_ID_PATTERN.match(election_id):
        raise PermanentError(
            f"{shortened(repr(election_id))} is no id of an election: use 1 to 64 of the characters A-Z a-z 0-9 . _ - "
            "and more than dots, since a folder and a Kafka topic are called after it."
        )


class Method(StrEnum):
    """How a ballot came in. The numbers are those of `registry.methods`."""

    ELECTION_DAY = "election_day"
    MAIL = "mail"
    EARLY = "early"
    PROVISIONAL = "provisional"
    TOTAL = "total"

    @property
    def number(self) -> int:
        """Return the key of this method in the ledger, from 1."""
        return list(Method).index(self) + 1


class Publish(StrEnum):
    """When choices may be shown: as they are counted, or after the polls have closed."""

    LIVE = "live"
    AT_CLOSE = "at_close"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of a contest that can be voted for; `Write-ins` is a line too, but never ranked."""

    candidate_id: str
    candidate_name: str
    party: str | None = None
    is_write_in: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """An office or a question; a ballot may carry up to `votes_allowed` selections in it."""

    contest_id: str
    contest_name: str
    office: str
    district: str | None
    votes_allowed: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ReportingUnit:
    """A place that results are reported for; `registered_voter_count` is the published one of a precinct, if any."""

    reporting_unit_id: str
    reporting_unit_name: str
    reporting_unit_type: str
    parent_id: str | None = None
    registered_voter_count: int | None = None


@dataclass(frozen=True, slots=True)
class BallotStyle:
    """The contests on a voter's ballot."""

    ballot_style_id: str
    contest_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrecinctBallotStyle:
    """How many voters on the roll of a precinct have a ballot style. A split precinct has several."""

    precinct_id: str
    ballot_style_id: str
    voter_count: int


@dataclass(frozen=True, slots=True)
class OfficialResult:
    """A published cell: votes of a candidate in a precinct, by one method or in `total`."""

    contest_id: str
    candidate_id: str
    precinct_id: str
    method: Method
    vote_count: int


@dataclass(frozen=True, slots=True)
class OfficialBallots:
    """Published cells: ballots cast and blank ballots of a precinct; None where not published."""

    precinct_id: str
    method: Method
    ballot_count: int | None
    blank_count: int | None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a source contradicts in itself, where, and what was done about it.

    `replayed_count` is what the replay makes of the official cell that the row names, where
    that differs from the published one; None where the cell is kept as published.
    """

    kind: str
    precinct_id: str | None
    contest_id: str | None
    candidate_id: str | None
    method: Method | None
    cell: str
    found: str
    expected: str
    action: str
    replayed_count: int | None = None


# Of a votes topic, where an election does not say otherwise.
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Election:
    """Everything an election folder says. Order matters: positions give the registry's numbers, from 1."""

    election_id: str
    election_name: str
    election_date: date
    election_type: str
    methods: tuple[Method, ...]
    contests: tuple[Contest, ...]
    reporting_units: tuple[ReportingUnit, ...]
    ballot_styles: tuple[BallotStyle, ...]
    precinct_ballot_styles: tuple[PrecinctBallotStyle, ...]
    seed: int = 1
    partition_count: int = PARTITIONS
    publish: Publish = Publish.LIVE
    is_test: bool = False
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    source: str | None = None
    baseline_election_id: str | None = None
    official_results: tuple[OfficialResult, ...] = ()
    official_ballots: tuple[OfficialBallots, ...] = ()
    contradictions: tuple[Contradiction, ...] = field(default=())

    @property
    def precincts(self) -> tuple[ReportingUnit, ...]:
        """Return the reporting units that have voters of their own."""
        return tuple(unit for unit in self.reporting_units if unit.reporting_unit_type == "precinct")

    @property
    def voter_count(self) -> int:
        """Return the size of the roll."""
        return sum(style.voter_count for style in self.precinct_ballot_styles)

    @property
    def is_replay(self) -> bool:
        """Return whether there are official figures to reproduce."""
        return bool(self.official_results)
