"""The election in the layout of OpenElections: one precinct file, as `election import openelections` reads it.

Votes have the office's corrections in them. Undervotes and overvotes have no rows: they are what the candidates leave
of the ballots. Names that the layout would take for one and the same get their id in brackets.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

from election_assets.domain.election import Method
from election_assets.exports import Document
from election_assets.exports.rows import CandidateRow, ContestRow, Snapshot, TurnoutRow
from election_assets.exports.tables import csv_of
from election_assets.openelections.vocabulary import is_any_write_in, is_write_in, plain, plain_district

_KEYS = ("county", "precinct", "office", "district", "party", "candidate")

Row = TypeVar("Row")
Votes = dict[str, int]
Cells = list[str | int | None]


def openelections_document(snapshot: Snapshot) -> Document:
    """Return the precinct file, its name as OpenElections would call it."""
    layout = _Layout(snapshot)
    rows = list(layout.rows())
    columns = (*_KEYS, "votes", *layout.methods)
    return Document(_file_name(snapshot), csv_of(columns, rows), len(rows))


class _Layout:
    """The rows of the file: the counts of each precinct, then the candidates of each contest in each precinct."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.methods = [
            method.value
            for method in Method
            if method is not Method.TOTAL and any(row.method == method for row in snapshot.ballots)
        ]
        self._units = {unit.reporting_unit_id: unit for unit in snapshot.turnout}
        self._offices = _offices(snapshot.contests)
        self._candidates = {
            contest.contest_id: _named([one for one in snapshot.candidates if one.contest_id == contest.contest_id])
            for contest in snapshot.contests
        }
        self._votes: dict[tuple[str, str, str], Votes] = {}
        for row in snapshot.results:
            cells = self._votes.setdefault((row.precinct_id, row.contest_id, row.candidate_id), {})
            cells[row.method] = row.adjusted_vote_count
        self._ballots: dict[str, Votes] = {}
        self._blanks: dict[str, Votes] = {}
        for one in snapshot.ballots:
            self._ballots.setdefault(one.precinct_id, {})[one.method] = one.ballot_count
            if one.blank_count is not None:
                self._blanks.setdefault(one.precinct_id, {})[one.method] = one.blank_count

    def rows(self) -> Iterator[Cells]:
        """Yield the file's rows."""
        places = self._places()
        for precinct_id, place in places.items():
            registered, nobody = self._units[precinct_id].registered_voter_count, ["", "", ""]
            if registered is not None:
                yield [*place, "Registered Voters", *nobody, registered, *(None for _ in self.methods)]
            yield [*place, "Ballots Cast", *nobody, *self._cells(self._ballots.get(precinct_id, {}))]
            if precinct_id in self._blanks:
                yield [*place, "Ballots Cast Blank", *nobody, *self._cells(self._blanks[precinct_id])]
        # By contest, then by precinct: so the importer finds the contests in the order of the ballot.
        for one in self._snapshot.precinct_contests:
            yield from self._contest(places[one.precinct_id], one.precinct_id, one.contest_id)

    def _places(self) -> dict[str, list[str]]:
        """Return county and name of each precinct."""
        precincts = self._snapshot.precincts
        names = _told_apart(
            precincts,
            key=lambda unit: (self._county(unit), plain(unit.reporting_unit_name)),
            name=lambda unit: unit.reporting_unit_name,
            its_id=lambda unit: unit.reporting_unit_id,
        )
        pairs = zip(precincts, names, strict=True)
        return {unit.reporting_unit_id: [self._county(unit), name] for unit, name in pairs}

    def _contest(self, place: list[str], precinct_id: str, contest_id: str) -> Iterator[Cells]:
        for candidate, name in self._candidates[contest_id]:
            votes = self._votes.get((precinct_id, contest_id, candidate.candidate_id), {})
            yield [*place, *self._offices[contest_id], candidate.party or "", name, *self._cells(votes)]

    def _cells(self, counts: Votes) -> list[int | None]:
        """Return all of them, then each method; empty cells where no figures are told."""
        total = sum(counts.values()) if counts else None
        return [total, *(counts.get(method) for method in self.methods)]

    def _county(self, unit: TurnoutRow) -> str:
        found: TurnoutRow | None = unit
        while found is not None and found.reporting_unit_type != "county":
            found = self._units.get(found.parent_id or "")
        return re.sub(r" county\Z", "", found.reporting_unit_name, flags=re.IGNORECASE) if found else ""


def _offices(contests: Sequence[ContestRow]) -> dict[str, tuple[str, str]]:
    """Return office and district of each contest; its name where several have the same ones."""
    keys = {one.contest_id: (plain(one.office), plain_district(one.district or "")) for one in contests}
    often = Counter(keys.values())
    return {
        one.contest_id: (one.office, one.district or "") if often[keys[one.contest_id]] == 1 else (one.contest_name, "")
        for one in contests
    }


def _named(candidates: Sequence[CandidateRow]) -> list[tuple[CandidateRow, str]]:
    """Return a contest's candidates with the names that they have in the file."""
    names = _told_apart(
        candidates,
        key=lambda one: is_any_write_in(one.candidate_name) or (plain(one.candidate_name), plain(one.party or "")),
        name=lambda one: one.candidate_name,
        its_id=lambda one: one.candidate_id,
    )
    return [
        (one, f"{name} (write-in)" if one.is_write_in and not is_write_in(name) else name)
        for one, name in zip(candidates, names, strict=True)
    ]


def _told_apart(
    rows: Sequence[Row], key: Callable[[Row], Hashable], name: Callable[[Row], str], its_id: Callable[[Row], str]
) -> list[str]:
    often = Counter(key(row) for row in rows)
    return [name(row) if often[key(row)] == 1 else f"{name(row)} ({its_id(row)})" for row in rows]


def _file_name(snapshot: Snapshot) -> str:
    """Return a name from which the importer takes date, state and kind."""
    election = snapshot.election
    states = [unit.reporting_unit_name for unit in snapshot.turnout if unit.reporting_unit_type == "state"]
    state = [states[0].lower()] if len(states) == 1 and re.fullmatch(r"[A-Za-z]{2}", states[0]) else []
    kind = re.sub(r"[^a-z0-9]+", "-", election.election_type.lower()).strip("-")
    return "__".join((f"{election.election_date:%Y%m%d}", *state, kind, election.election_id, "precinct.csv"))
