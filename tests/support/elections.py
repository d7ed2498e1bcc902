"""Small made elections with a bit of everything: a split precinct, a contest for two, a style of one precinct alone."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from election_assets.domain.election import (
    BallotStyle,
    Candidate,
    Contest,
    Election,
    Method,
    PrecinctBallotStyle,
    ReportingUnit,
)
from election_assets.domain.electorate import voters
from election_assets.domain.frozen import ContestRules, FrozenElection, Roll, group_number
from election_assets.domain.partitioning import partitions_of

SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Voter:
    """A voter as the roll has them."""

    voter_id: str
    precinct_id: str
    ballot_style_id: str


def made_election(election_id: str, voters_each: int = 40, **changes: Any) -> Election:
    """Make an election of five groups of voters; `changes` are fields of Election."""
    election = Election(
        election_id=election_id,
        election_name=f"Made election {election_id}",
        election_date=date(2026, 11, 3),
        election_type="general",
        methods=(Method.ELECTION_DAY, Method.MAIL),
        contests=(
            _contest("mayor", "ann", "bob", "cleo"),
            _contest("council", "dan", "eve", "fay", "gus", votes_allowed=SEVERAL),
            _contest("bridge", "yes", "no"),
        ),
        reporting_units=(
            ReportingUnit("county", "The county", "county"),
            ReportingUnit("north", "North", "precinct", "county"),
            ReportingUnit("south", "South", "precinct", "county"),
        ),
        ballot_styles=(
            BallotStyle("full", ("mayor", "council", "bridge")),
            BallotStyle("short", ("mayor", "council")),
            BallotStyle("bridge-only", ("bridge",)),
        ),
        precinct_ballot_styles=(
            PrecinctBallotStyle("north", "full", voters_each),
            PrecinctBallotStyle("north", "short", voters_each),
            PrecinctBallotStyle("south", "full", voters_each),
            PrecinctBallotStyle("south", "short", voters_each),
            PrecinctBallotStyle("south", "bridge-only", voters_each),
        ),
        partition_count=3,
        is_test=True,
    )
    return replace(election, **changes)


def _contest(contest_id: str, *candidate_ids: str, votes_allowed: int = 1) -> Contest:
    candidates = tuple(Candidate(one, one.title()) for one in candidate_ids)
    return Contest(contest_id, contest_id.title(), contest_id, None, votes_allowed, candidates)


def roll_of(election: Election) -> list[Voter]:
    """Return the voters of an election, precinct by precinct and style by style."""
    units = [unit.reporting_unit_id for unit in election.reporting_units]
    styles = [style.ballot_style_id for style in election.ballot_styles]
    return [
        Voter(voter_id, units[precinct - 1], styles[style - 1])
        for voter_id, precinct, style, _, _ in voters(election).rows()
    ]


def frozen(
    election: Election, opens_at_ms: int | None = None, closes_at_ms: int | None = None
) -> tuple[FrozenElection, Roll]:
    """Freeze an election without engines, as `open` and the count's reading of the registry would."""
    precincts = {
        unit.reporting_unit_id: at
        for at, unit in enumerate(election.reporting_units, 1)
        if unit.reporting_unit_type == "precinct"
    }
    styles = {style.ballot_style_id: at for at, style in enumerate(election.ballot_styles, 1)}
    definition = FrozenElection(
        election_id=election.election_id,
        election_number=1,
        partition_count=election.partition_count,
        registry_hash="0" * 64,
        opens_at_ms=opens_at_ms,
        closes_at_ms=closes_at_ms,
        method_numbers={method.value: method.number for method in election.methods},
        precinct_numbers=precincts,
        ballot_style_numbers=styles,
        parent_numbers=dict.fromkeys(precincts.values(), 1),
        precinct_ballot_styles=frozenset(
            (precincts[one.precinct_id], styles[one.ballot_style_id]) for one in election.precinct_ballot_styles
        ),
        ballot_style_contests={
            styles[style.ballot_style_id]: frozenset(style.contest_ids) for style in election.ballot_styles
        },
        contests={
            contest.contest_id: ContestRules(
                number,
                contest.votes_allowed,
                {one.candidate_id: at for at, one in enumerate(contest.candidates, 1)},
            )
            for number, contest in enumerate(election.contests, 1)
        },
    )
    return definition, _arrays(election)


def _arrays(election: Election) -> Roll:
    rows = sorted(voters(election).rows(), key=lambda row: row[0].encode())
    ids = np.array([row[0].encode() for row in rows], dtype="S")
    return Roll(
        ids=ids,
        precinct_numbers=np.array([row[1] for row in rows], dtype=np.int32),
        ballot_style_numbers=np.array([row[2] for row in rows], dtype=np.int16),
        groups=np.array([group_number(row[3], row[4]) for row in rows], dtype=np.uint8),
        partitions=partitions_of(ids, election.partition_count),
    )
