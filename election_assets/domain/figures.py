"""Every official figure of an election by its place, and what the replay makes of each.

The places are those that rows of `contradictions.csv` name, so the two can be compared cell by cell.
"""

from collections import Counter
from typing import NamedTuple

from election_assets.domain.election import Contradiction, Election, Method
from election_assets.domain.replay_plan import plan_replay

VOTES = "votes"
BALLOTS_CAST = "ballots_cast"
BALLOTS_CAST_BLANK = "ballots_cast_blank"
REGISTERED_VOTERS = "registered_voters"


class Place(NamedTuple):
    """Where a figure stands; a method of `total` is the sum of the others where a source splits."""

    cell: str
    precinct_id: str | None
    contest_id: str | None = None
    candidate_id: str | None = None
    method: Method | None = None


def place_of(row: Contradiction) -> Place:
    """Return the place that a contradiction names."""
    return Place(row.cell, row.precinct_id, row.contest_id, row.candidate_id, row.method)


def official_figures(election: Election) -> dict[Place, int]:
    """Return every published numeric cell."""
    figures = {
        Place(REGISTERED_VOTERS, unit.reporting_unit_id): unit.registered_voter_count for unit in election.precincts
    }
    for ballots in election.official_ballots:
        figures[Place(BALLOTS_CAST, ballots.precinct_id, method=ballots.method)] = ballots.ballot_count
        figures[Place(BALLOTS_CAST_BLANK, ballots.precinct_id, method=ballots.method)] = ballots.blank_count
    for one in election.official_results:
        place = Place(VOTES, one.precinct_id, one.contest_id, one.candidate_id, one.method)
        figures[place] = one.vote_count
    return {place: count for place, count in figures.items() if count is not None}


def replayed_figures(election: Election) -> dict[Place, int]:
    """Return what the replay makes of every official figure."""
    figures: Counter[Place] = Counter()
    candidates = {contest.contest_id: contest.candidates for contest in election.contests}
    for group in election.precinct_ballot_styles:
        figures[Place(REGISTERED_VOTERS, group.precinct_id)] += group.voter_count
    for cell in plan_replay(election):
        for method in {cell.method, Method.TOTAL}:
            figures[Place(BALLOTS_CAST, cell.precinct_id, method=method)] += cell.ballot_count
            figures[Place(BALLOTS_CAST_BLANK, cell.precinct_id, method=method)] += cell.blank_count
            for contest_id, votes in cell.votes.items():
                for candidate, count in zip(candidates[contest_id], votes.tolist(), strict=True):
                    place = Place(VOTES, cell.precinct_id, contest_id, candidate.candidate_id, method)
                    figures[place] += count
    return {place: figures[place] for place in official_figures(election)}
