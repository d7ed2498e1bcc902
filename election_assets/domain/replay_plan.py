"""The plan of a replay: how many ballots to cast per precinct, method and ballot style, and what they must add up to.

Candidate cells are always reproduced: where a contest has more votes than there are official ballots, the plan has the
ballots that the contest needs. The ballots themselves are made in `replay.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from election_assets.domain.apportionment import Integers, apportioned, apportioned_within
from election_assets.domain.election import Contest, Election, Method
from election_assets.domain.official_cells import (
    UNPUBLISHED,
    PrecinctCells,
    filled_cells,
)
from election_assets.domain.seeds import generator
from election_assets.domain.split_precincts import (
    Division,
    Options,
    divided_by_room,
    divided_by_seed,
    option_needs,
    option_of,
    split_offices,
)
from election_assets.errors import PermanentError


@dataclass(frozen=True, slots=True)
class StyleBallots:
    """The ballots of one ballot style in a cell: `marked` ones carry the votes, `blank` ones none at all.

    `covered` says, per contest, how many marked ballots it must reach that no other contest is sure to reach;
    empty where blank ballots are not published, and a marked ballot may turn out without a vote.
    """

    ballot_style_id: str
    marked: int
    blank: int
    covered: dict[str, int]


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """What to cast in one precinct by one method; `votes` has a place per candidate of each contest."""

    precinct_id: str
    method: Method
    votes: dict[str, Integers]
    styles: tuple[StyleBallots, ...]
    blanks_are_known: bool

    @property
    def ballot_count(self) -> int:
        """Return the ballots to cast, blank ones included."""
        return sum(style.marked + style.blank for style in self.styles)

    @property
    def blank_count(self) -> int:
        """Return the blank ballots to cast."""
        return sum(style.blank for style in self.styles)


def plan_replay(election: Election) -> list[PlannedCell]:
    """Plan every cell, in the order of precincts and methods.

    Raises PermanentError where the roll of a precinct has no room for its ballots.
    """
    contests = {contest.contest_id: contest for contest in election.contests}
    contest_ids = {style.ballot_style_id: style.contest_ids for style in election.ballot_styles}
    rolls: dict[str, dict[str, int]] = {}
    for row in election.precinct_ballot_styles:
        rolls.setdefault(row.precinct_id, {})[row.ballot_style_id] = row.voter_count
    cells: list[PlannedCell] = []
    for precinct_id, filled in filled_cells(election):
        roll = rolls[precinct_id]
        styles = {style_id: contest_ids[style_id] for style_id in roll}
        precinct = PrecinctPlan(election, precinct_id, filled, list(styles.values()), contests)
        cells.extend(precinct.cells(list(styles), np.array(list(roll.values()), dtype=np.int64)))
    return cells


class PrecinctPlan:
    """The ballots of one precinct: how many by method, and how they divide where the precinct is split."""

    def __init__(
        self,
        election: Election,
        precinct_id: str,
        cells: PrecinctCells,
        styles: Sequence[Sequence[str]],
        contests: dict[str, Contest],
    ) -> None:
        self.precinct_id = precinct_id
        self.filled = cells
        self.styles = styles
        self._offices = {contest_id: contest.office for contest_id, contest in contests.items()}
        self._shared = set(styles[0]).intersection(*styles[1:])
        self._random_of = (election.election_id, election.seed, f"split precinct {precinct_id}")
        self.contest_needs = {
            contest_id: np.maximum(votes.max(axis=1), -(-votes.sum(axis=1) // contests[contest_id].votes_allowed))
            for contest_id, votes in cells.votes.items()
        }
        self.split: list[Options] = split_offices(styles, self._offices)
        self.option_needs = [option_needs(options, self.contest_needs, len(cells.methods)) for options in self.split]
        self.needs = self._needs()
        self.marked, self.blanks = self._ballots()

    def _needs(self) -> Integers:
        """Return by method the fewest ballots that carry all votes: districts of an office stand side by side."""
        shared = [need for contest_id, need in self.contest_needs.items() if contest_id in self._shared]
        split = [need.sum(axis=0) for need in self.option_needs]
        needs: Integers = np.max([np.zeros(len(self.filled.methods), dtype=np.int64), *shared, *split], axis=0)
        return needs

    def _ballots(self) -> tuple[Integers, Integers]:
        """Return by method the ballots to mark and the blank ones: as published, where the votes find place."""
        ballots, blanks = self.filled.ballots.copy(), self.filled.blanks.copy()
        missing = ballots == UNPUBLISHED
        least = self.needs + np.maximum(blanks, 0)
        ballots = np.maximum(ballots, least)
        if missing.any():
            beyond = max(0, (self.filled.unplaced_ballots or 0) - int(least[missing].sum()))
            ballots[missing] += apportioned(beyond, least[missing])
        empty = blanks == UNPUBLISHED
        if empty.any() and self.filled.unplaced_blanks:
            blanks[empty] = apportioned_within(self.filled.unplaced_blanks, (ballots - self.needs)[empty])
        blanks = np.maximum(blanks, 0)
        return np.maximum(ballots - blanks, self.needs), blanks

    def divisions(self) -> Division:
        """Divide the marked ballots among combinations of the split offices' options, by seed."""
        return divided_by_seed(self.option_needs, self.marked, generator(*self._random_of))

    def contests_of(self, combination: tuple[int, ...]) -> tuple[str, ...]:
        """Return the contests that a combination adds to those every ballot of the precinct has."""
        chosen = (options[at] for options, at in zip(self.split, combination, strict=True))
        return tuple(contest_id for option in chosen for contest_id in option)

    def cells(self, style_ids: list[str], roll: Integers) -> Iterator[PlannedCell]:
        """Yield the plan of each method, given how many voters each ballot style has."""
        marked, blank = self._by_style(style_ids, roll)
        for at, method in enumerate(self.filled.methods):
            known = self._blanks_are_known(at)
            votes = {contest_id: cells[at] for contest_id, cells in self.filled.votes.items()}
            covered = self._covered(votes, marked[:, at]) if known else [{} for _ in style_ids]
            styles = []
            for number, style_id in enumerate(style_ids):
                reached = sum(covered[number].values()) if known else int(marked[number, at])
                # A ballot that no vote can reach is blank, whatever is published.
                unreached = int(marked[number, at]) - reached
                styles.append(StyleBallots(style_id, reached, int(blank[number, at]) + unreached, covered[number]))
            yield PlannedCell(self.precinct_id, method, votes, tuple(styles), known)

    def _blanks_are_known(self, at: int) -> bool:
        return bool(self.filled.blanks[at] != UNPUBLISHED) or self.filled.unplaced_blanks is not None

    def _by_style(self, style_ids: list[str], roll: Integers) -> tuple[Integers, Integers]:
        """Return marked and blank ballots with a row per style and a column per method."""
        if len(self.styles) == 1:
            marked, blank = self.marked[None, :], self.blanks[None, :]
            if self._has_room(marked, blank, roll):
                return marked, blank
        else:
            for division in (self.divisions(), self._divided_by_room(roll)):
                placed = self._placed(division)
                if placed is not None:
                    blank = self._blanks_by_style(placed, roll)
                    if self._has_room(placed, blank, roll):
                        return placed, blank
        sizes = ", ".join(f"{style}: {voters}" for style, voters in zip(style_ids, roll.tolist(), strict=True))
        raise PermanentError(
            f"The replay of precinct {self.precinct_id!r} casts {int((self.marked + self.blanks).sum())} ballots, and "
            f"the roll has no room for them ({sizes}): raise voter_count in ballot_styles.csv."
        )

    @staticmethod
    def _has_room(marked: Integers, blank: Integers, roll: Integers) -> bool:
        return bool(((marked + blank).sum(axis=1) <= roll).all())

    def _options_of_style(self, number: int) -> tuple[int, ...]:
        style = self.styles[number]
        return tuple(
            options.index(option_of(style, self._office_of(options), self._offices, self._shared))
            for options in self.split
        )

    def _office_of(self, options: Options) -> str:
        return next(self._offices[contest_id] for option in options for contest_id in option)

    def _divided_by_room(self, roll: Integers) -> Division:
        room = [np.zeros(len(options), dtype=np.int64) for options in self.split]
        for number, voters in enumerate(roll):
            for at, option in enumerate(self._options_of_style(number)):
                room[at][option] += voters
        return divided_by_room(self.option_needs, self.marked, room)

    def _placed(self, division: Division) -> Integers | None:
        """Return a division with a row per style, or None where a combination has no style."""
        rows = {self._options_of_style(number): number for number in range(len(self.styles))}
        placed = np.zeros((len(self.styles), len(self.filled.methods)), dtype=np.int64)
        for combination, ballots in division.items():
            if combination not in rows:
                return None
            placed[rows[combination]] = ballots
        return placed

    def _blanks_by_style(self, marked: Integers, roll: Integers) -> Integers:
        left = (roll - marked.sum(axis=1)).clip(0)
        blank = np.zeros_like(marked)
        for at, count in enumerate(self.blanks):
            blank[:, at] = apportioned_within(int(count), left)
            left = (left - blank[:, at]).clip(0)
        return blank

    def _covered(self, votes: dict[str, Integers], marked: Integers) -> list[dict[str, int]]:
        """Choose per style and contest the ballots that the contest is sure to reach, each ballot once.

        Styles lie on a line and a contest's styles side by side, so taking first the contest that ends first
        reaches as many as can be reached (Glover 1967, matching in convex graphs).
        """
        left = {contest_id: int(cells.sum()) for contest_id, cells in votes.items()}
        ends = {contest_id: at for at, style in enumerate(self.styles) for contest_id in style}
        covered = []
        for style, unreached in zip(self.styles, marked.tolist(), strict=True):
            reached: dict[str, int] = {}
            for contest_id in sorted(style, key=lambda one: ends[one]):
                taken = min(left.get(contest_id, 0), unreached)
                if taken:
                    reached[contest_id] = taken
                    left[contest_id] -= taken
                    unreached -= taken
            covered.append(reached)
        return covered
