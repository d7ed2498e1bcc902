"""The official figures as arrays, every missing cell filled in: per precinct and method the votes to reproduce.

Where a source leaves a method out, what its total has beyond the other methods is divided among the missing ones.
How many ballots carry these votes, and of which ballot style, is in `replay_plan.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from election_assets.domain.apportionment import Integers, apportioned_within
from election_assets.domain.election import Contest, Election, Method
from election_assets.errors import PermanentError

UNPUBLISHED = np.iinfo(np.int64).min
SPLIT_METHODS = tuple(method for method in Method if method is not Method.TOTAL)

_METHOD_ROWS = {method: row for row, method in enumerate(Method)}
_SPLIT_ROWS = [_METHOD_ROWS[method] for method in SPLIT_METHODS]
_TOTAL_ROW = _METHOD_ROWS[Method.TOTAL]


@dataclass(frozen=True, slots=True)
class Published:
    """The official cells of one precinct as published, UNPUBLISHED where they are not.

    `votes` has per contest a row per method, in the order of Method, and a column per candidate;
    `ballots` and `blanks` have a place per method.
    """

    votes: dict[str, Integers]
    ballots: Integers
    blanks: Integers


@dataclass(frozen=True, slots=True)
class PrecinctCells:
    """What the replay reproduces in one precinct: votes are known for all of `methods`.

    `votes` has per contest a row per method of `methods` and a column per candidate. `ballots` and `blanks` have a
    place per method of `methods`, UNPUBLISHED where nothing is known; `unplaced_ballots` and `unplaced_blanks` are
    what the totals have beyond them, to be divided among the empty places, or None.
    """

    methods: tuple[Method, ...]
    votes: dict[str, Integers]
    ballots: Integers
    blanks: Integers
    unplaced_ballots: int | None
    unplaced_blanks: int | None


def published_cells(election: Election) -> dict[str, Published]:
    """Return the official cells of each precinct, as arrays."""
    places = {
        contest.contest_id: {candidate.candidate_id: at for at, candidate in enumerate(contest.candidates)}
        for contest in election.contests
    }
    precincts = {unit.reporting_unit_id: Published({}, _nothing(), _nothing()) for unit in election.precincts}
    for result in election.official_results:
        votes = precincts[result.precinct_id].votes
        columns = places[result.contest_id]
        if result.contest_id not in votes:
            votes[result.contest_id] = np.full((len(Method), len(columns)), UNPUBLISHED)
        votes[result.contest_id][_METHOD_ROWS[result.method], columns[result.candidate_id]] = result.vote_count
    for row in election.official_ballots:
        at = _METHOD_ROWS[row.method]
        if row.ballot_count is not None:
            precincts[row.precinct_id].ballots[at] = row.ballot_count
        if row.blank_count is not None:
            precincts[row.precinct_id].blanks[at] = row.blank_count
    return precincts


def _nothing() -> Integers:
    return np.full(len(Method), UNPUBLISHED)


def filled_cells(election: Election) -> Iterator[tuple[str, PrecinctCells]]:
    """Yield each precinct's id and the cells that its replay reproduces, in the order of the precincts."""
    contests = {contest.contest_id: contest for contest in election.contests}
    for precinct_id, published in published_cells(election).items():
        methods = _cast_methods(published, election.methods)
        if not methods:
            continue
        if not set(methods) <= set(election.methods):
            raise PermanentError(
                f"Precinct {precinct_id!r} publishes its figures as a total alone, and the election does not list "
                "the method 'total': add it under methods in election.yaml."
            )
        yield precinct_id, _filled(published, methods, contests)


def _cast_methods(published: Published, listed: tuple[Method, ...]) -> tuple[Method, ...]:
    """Return the methods that this precinct's ballots are cast by: `total` alone where the source does not split.

    Method columns that hold nothing but zeros beside totals above zero are columns nobody filled in.
    """
    columns = np.column_stack([*published.votes.values(), published.ballots, published.blanks])
    if (columns == UNPUBLISHED).all():
        return ()
    split, total = columns[_SPLIT_ROWS], columns[_TOTAL_ROW]
    methods = tuple(m for m, cells in zip(SPLIT_METHODS, split, strict=True) if (cells != UNPUBLISHED).any())
    if not methods or (split.max() <= 0 < total.max()):
        return (Method.TOTAL,)
    if Method.ELECTION_DAY in methods or Method.ELECTION_DAY not in listed:
        return methods
    # Totals beyond the sum of methods that leave out the polling place: those votes came in there.
    return (Method.ELECTION_DAY, *methods) if (_known(split).sum(axis=0) < total).any() else methods


def _known(cells: Integers) -> Integers:
    """Return published cells as counts: nothing and less than nothing are 0."""
    return np.maximum(cells, 0)


def _filled(published: Published, methods: tuple[Method, ...], contests: dict[str, Contest]) -> PrecinctCells:
    rows = [_METHOD_ROWS[method] for method in methods]
    if methods == (Method.TOTAL,):
        return PrecinctCells(
            methods,
            {contest_id: _known(cells[rows]) for contest_id, cells in published.votes.items()},
            published.ballots[rows],
            published.blanks[rows],
            unplaced_ballots=None,
            unplaced_blanks=None,
        )
    weights = _weights(published, rows)
    rooms: dict[str, Integers] = {}
    votes = {}
    for contest_id, cells in published.votes.items():
        contest = contests[contest_id]
        room = rooms.setdefault(contest.office, contest.votes_allowed * weights)
        votes[contest_id] = _filled_votes(cells[rows], cells[_TOTAL_ROW], room)
    return PrecinctCells(
        methods,
        votes,
        published.ballots[rows],
        published.blanks[rows],
        unplaced_ballots=_unplaced(published.ballots, rows),
        unplaced_blanks=_unplaced(published.blanks, rows),
    )


def _weights(published: Published, rows: list[int]) -> Integers:
    """Return how large each method is here, to divide by: its ballots, or else its votes, or else all alike."""
    ballots = _known(published.ballots[rows])
    if ballots.any():
        return ballots
    votes = np.column_stack([_known(cells[rows]) for cells in published.votes.values()] or [ballots])
    return votes.sum(axis=1) if votes.any() else np.ones(len(rows), dtype=np.int64)


def _filled_votes(cells: Integers, totals: Integers, room: Integers) -> Integers:
    """Fill the unpublished places of one contest; `room`, the selections left per method, is used up."""
    filled = _known(cells)
    room -= filled.sum(axis=1)
    for column in np.flatnonzero((cells == UNPUBLISHED).any(axis=0)):
        rest = int(totals[column]) - int(filled[:, column].sum())
        if totals[column] == UNPUBLISHED or rest <= 0:
            continue
        places = np.flatnonzero(cells[:, column] == UNPUBLISHED)
        added = apportioned_within(rest, room[places].clip(0))
        filled[places, column] += added
        room[places] -= added
    return filled


def _unplaced(cells: Integers, rows: list[int]) -> int | None:
    """Return what the total has beyond the methods that are published, where both it and a missing one are there."""
    split, total = cells[rows], cells[_TOTAL_ROW]
    if total == UNPUBLISHED or (split != UNPUBLISHED).all():
        return None
    return max(0, int(total) - int(_known(split).sum()))
