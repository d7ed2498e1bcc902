"""Placing: the names on a ballot become the registry's numbers, or the reason why they cannot.

`place_of` and `marks_of` apply the rules from `wrong_election` to `unknown_candidate` in
their order. A `Lexicon` remembers what they said, since ballots repeat each other: a county
has some hundred places, and a few thousand ways to mark a ballot.
"""

from dataclasses import dataclass, field

from election_assets.domain.ballot import Ballot, Selections, read_selections
from election_assets.domain.frozen import FrozenElection
from election_assets.domain.verdict import Reason

# Longer selections are resolved anew each time, so that what is remembered stays within some 100 MB.
MAX_REMEMBERED_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ballot counts."""

    precinct_number: int
    ballot_style_number: int
    method_number: int


@dataclass(frozen=True, slots=True)
class ContestMarks:
    """What a ballot adds to one contest; an overvoted contest has no votes."""

    contest_number: int
    undervotes: int
    overvotes: int
    candidate_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Marks:
    """What a ballot adds to each contest of its style; blank if nothing was selected anywhere."""

    is_blank: bool
    contests: tuple[ContestMarks, ...]


def place_of(election: FrozenElection, ballot: Ballot) -> Place | Reason:
    """Return where a ballot counts, or why it has no place."""
    if ballot.election_id != election.election_id:
        return Reason.WRONG_ELECTION
    method_number = election.method_numbers.get(ballot.method)
    if method_number is None:
        return Reason.UNKNOWN_METHOD
    precinct_number = election.precinct_numbers.get(ballot.precinct_id)
    if precinct_number is None:
        return Reason.UNKNOWN_PRECINCT
    style_number = election.ballot_style_numbers.get(ballot.ballot_style_id, 0)
    if (precinct_number, style_number) not in election.precinct_ballot_styles:
        return Reason.UNKNOWN_BALLOT_STYLE
    return Place(precinct_number, style_number, method_number)


def marks_of(election: FrozenElection, ballot_style_number: int, selections: Selections) -> Marks | Reason:
    """Return what selections add to the contests of a ballot style; an absent contest is undervotes."""
    contest_ids = election.ballot_style_contests[ballot_style_number]
    if not selections.keys() <= contest_ids:
        return Reason.UNKNOWN_CONTEST
    contests = []
    for contest_id in contest_ids:
        rules = election.contests[contest_id]
        numbers = tuple(rules.candidate_numbers.get(candidate_id, 0) for candidate_id in selections.get(contest_id, ()))
        if 0 in numbers:
            return Reason.UNKNOWN_CANDIDATE
        if len(numbers) > rules.votes_allowed:
            contests.append(ContestMarks(rules.contest_number, 0, rules.votes_allowed, ()))
        else:
            contests.append(ContestMarks(rules.contest_number, rules.votes_allowed - len(numbers), 0, numbers))
    return Marks(not any(selections.values()), tuple(contests))


@dataclass(slots=True)
class Lexicon:
    """The places and marks met so far. Their numbers are indices into `places` and `marks`, which only grow."""

    election: FrozenElection
    places: list[Place] = field(default_factory=list)
    marks: list[Marks] = field(default_factory=list)
    _place_numbers: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    _marks_numbers: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def find(self, ballot: Ballot) -> tuple[int, int] | None:
        """Return the numbers of a ballot's place and marks; None where it has none."""
        names = (ballot.election_id, ballot.precinct_id, ballot.ballot_style_id, ballot.method)
        place_number = self._place_numbers.get(names)
        if place_number is None:
            place = place_of(self.election, ballot)
            if isinstance(place, Reason):
                return None
            place_number = self._place_numbers[names] = self.add_place(place)
        raw = bytes(ballot.selections)
        style_number = self.places[place_number].ballot_style_number
        marks_number = self._marks_numbers.get((style_number, raw))
        if marks_number is None:
            selections = read_selections(raw)
            marks = None if selections is None else marks_of(self.election, style_number, selections)
            if not isinstance(marks, Marks):
                return None
            marks_number = self.add_marks(marks)
            if len(raw) <= MAX_REMEMBERED_BYTES:
                self._marks_numbers[style_number, raw] = marks_number
        return place_number, marks_number

    def add_place(self, place: Place) -> int:
        """Number a place."""
        self.places.append(place)
        return len(self.places) - 1

    def add_marks(self, marks: Marks) -> int:
        """Number marks."""
        self.marks.append(marks)
        return len(self.marks) - 1
