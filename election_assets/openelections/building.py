"""The making of an election out of the rows of an OpenElections file: ids, contests, units and official figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from election_assets.domain.election import (
    Candidate,
    Contest,
    Contradiction,
    Method,
    OfficialBallots,
    OfficialResult,
    ReportingUnit,
)
from election_assets.domain.figures import BALLOTS_CAST, BALLOTS_CAST_BLANK, REGISTERED_VOTERS, VOTES, Place
from election_assets.domain.folder_text import MAX_NUMBER
from election_assets.domain.plain_text import listed
from election_assets.errors import PermanentError
from election_assets.openelections.notes import note
from election_assets.openelections.rows import Row
from election_assets.openelections.vocabulary import (
    Kind,
    is_any_write_in,
    is_left_over,
    is_write_in,
    kind_of,
    new_id,
    plain,
    plain_district,
)

_CELLS = {
    Kind.REGISTERED_VOTERS: REGISTERED_VOTERS,
    Kind.BALLOTS_CAST: BALLOTS_CAST,
    Kind.BALLOTS_CAST_BLANK: BALLOTS_CAST_BLANK,
}
_WRITE_INS = "Write-ins"

Key = TypeVar("Key")
Counts = dict[Method, int]


@dataclass(slots=True)
class _Precinct:
    precinct_id: str
    county: str
    name: str
    contest_ids: dict[str, None] = field(default_factory=dict)
    # Per kind of count the rows of it: under "" the one of everybody, else of a part, such as a party.
    counts: dict[Kind, dict[str, Counts]] = field(default_factory=dict)


@dataclass(slots=True)
class _Contest:
    contest_id: str
    office: str
    district: str
    # By name and party, as compared.
    candidates: dict[tuple[str, str], Candidate] = field(default_factory=dict)


class Builder:
    """An election as far as its rows have been read."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Read all rows; what they contradict is in `notes`."""
        self.notes: list[Contradiction] = []
        self._counties: dict[str, str] = {}
        self._precincts: dict[tuple[str, str], _Precinct] = {}
        self._unit_ids: set[str] = set()
        self._contests: dict[tuple[str, str], _Contest] = {}
        self._votes: dict[tuple[str, str, str], Counts] = {}
        self._left_over: dict[tuple[str, str], int] = {}
        self._parties: dict[tuple[str, str, str], set[str]] = {}
        for row in rows:
            self._counties.setdefault(plain(row.county), row.county)
            name = (plain(row.office), plain_district(row.district), plain(row.candidate))
            self._parties.setdefault(name, set()).add(row.party)
        for row in rows:
            self._add(row)
        for (contest_id, label), count in self._left_over.items():
            self._note_left_over(contest_id, label, count)

    def _add(self, row: Row) -> None:
        precinct = self._precinct_of(row)
        kind, part = kind_of(row.office, row.candidate, row.party)
        if kind in _CELLS:
            counts = precinct.counts.setdefault(kind, {})
            place = Place(_CELLS[kind], precinct.precinct_id)
            self._keep(counts, part, place, row)
        elif kind is Kind.CONTEST and not row.candidate:
            found = f"line {row.line}: a row of {row.office} without a candidate"
            place = Place("row", precinct.precinct_id)
            self.notes.append(note("no_candidate", place, found, "a candidate's name", "the row is left out"))
        elif kind is Kind.CONTEST:
            self._add_votes(precinct, row)

    def _precinct_of(self, row: Row) -> _Precinct:
        key = (plain(row.county), plain(row.precinct))
        if key not in self._precincts:
            # Precincts of different counties share names.
            name = f"{row.county}:{row.precinct}" if self.has_several_counties else row.precinct
            precinct_id = self._new_unit_id(name, f"precinct-{len(self._precincts) + 1}")
            self._precincts[key] = _Precinct(precinct_id, key[0], row.precinct)
        return self._precincts[key]

    def _new_unit_id(self, name: str, otherwise: str) -> str:
        unit_id = new_id(name, self._unit_ids, otherwise)
        self._unit_ids.add(unit_id)
        return unit_id

    @property
    def has_several_counties(self) -> bool:
        """Tell whether the file holds more than one county."""
        return len(self._counties) > 1

    @property
    def county(self) -> str:
        """Return the name of the first county, empty where the file names none."""
        return next(iter(self._counties.values()))

    def _contest_of(self, row: Row) -> _Contest:
        district = plain_district(row.district)
        key = (plain(row.office), district)
        if key not in self._contests:
            taken = {contest.contest_id for contest in self._contests.values()}
            contest_id = new_id(f"{row.office} {district}", taken, f"contest-{len(taken) + 1}")
            self._contests[key] = _Contest(contest_id, row.office, district)
        return self._contests[key]

    def _add_votes(self, precinct: _Precinct, row: Row) -> None:
        contest = self._contest_of(row)
        precinct.contest_ids[contest.contest_id] = None
        if is_left_over(row.candidate):
            label = (contest.contest_id, row.candidate)
            self._left_over[label] = self._left_over.get(label, 0) + 1
            return
        candidate_id = self._candidate_of(contest, row).candidate_id
        place = Place(VOTES, precinct.precinct_id, contest.contest_id, candidate_id)
        self._keep(self._votes, (precinct.precinct_id, contest.contest_id, candidate_id), place, row)

    def _candidate_of(self, contest: _Contest, row: Row) -> Candidate:
        name, party = row.candidate, row.party
        if is_any_write_in(name):
            name, party = _WRITE_INS, ""
        elif not party:
            known = self._parties[plain(row.office), plain_district(row.district), plain(name)] - {""}
            party = known.copy().pop() if len(known) == 1 else ""
        key = (plain(name), plain(party))
        if key not in contest.candidates:
            taken = {candidate.candidate_id for candidate in contest.candidates.values()}
            candidate_id = new_id(name, taken, f"candidate-{len(taken) + 1}")
            contest.candidates[key] = Candidate(candidate_id, name, party or None, is_write_in(name))
        return contest.candidates[key]

    def _keep(self, kept: dict[Key, Counts], key: Key, place: Place, row: Row) -> None:
        """Keep a row's counts under a key, the first where there are several, and note what is not a number."""
        if key in kept:
            found = f"line {row.line}: {_spelt(row.counts)} after {_spelt(kept[key])}"
            action = "the first row is kept, this one is left out"
            self.notes.append(note("duplicate_row", place, found, "one row", action))
            return
        kept[key] = row.counts
        for method, text in row.not_numbers.items():
            action = "taken as not published"
            self.notes.append(note("not_a_number", place._replace(method=method), text, "a whole number", action))

    def _note_left_over(self, contest_id: str, label: str, count: int) -> None:
        found = f"{label!r} in {count} rows"
        action = "not replayed as votes: what the candidates leave of the ballots is counted as undervotes"
        self.notes.append(note("not_a_candidate", Place("row", None, contest_id), found, "candidates", action))

    def contests(self, votes_allowed: Mapping[str, int]) -> tuple[Contest, ...]:
        """Return the contests; `votes_allowed` is by office, by office and district, or by contest id.

        Raises PermanentError where there is no contest, or a name in `votes_allowed` is none's.
        """
        allowed = {plain(name): count for name, count in votes_allowed.items()}
        contests, used = [], set()
        for one in self._contests.values():
            if not one.candidates:
                continue
            name = f"{one.office} {one.district}".strip()
            known = [key for key in (plain(name), plain(one.office), one.contest_id) if key in allowed]
            used.update(known)
            contests.append(
                Contest(
                    one.contest_id,
                    name,
                    one.office,
                    one.district or None,
                    allowed[known[0]] if known else 1,
                    tuple(one.candidates.values()),
                )
            )
        _check_votes_allowed(allowed, used, contests)
        return tuple(contests)

    def contest_ids(self) -> dict[str, list[str]]:
        """Return the contests that the file has in each precinct."""
        voted_on = {contest.contest_id for contest in self._contests.values() if contest.candidates}
        return {
            precinct.precinct_id: [one for one in precinct.contest_ids if one in voted_on]
            for precinct in self._precincts.values()
        }

    def reporting_units(self, state: str) -> tuple[ReportingUnit, ...]:
        """Return the state, where there are several counties, then the counties, then the precincts."""
        units: list[ReportingUnit] = []
        county_ids: dict[str, str] = {}
        top = self._new_unit_id(state, "state") if self.has_several_counties else None
        if top:
            units.append(ReportingUnit(top, state.upper() or "State", "state"))
        for key, name in self._counties.items():
            if name:
                county_ids[key] = self._new_unit_id(f"{name} county", f"county-{len(county_ids) + 1}")
                units.append(ReportingUnit(county_ids[key], f"{name} County", "county", top))
        for one in self._precincts.values():
            parent, registered = county_ids.get(one.county, top), self._registered(one)
            units.append(ReportingUnit(one.precinct_id, one.name, "precinct", parent, registered))
        return tuple(units)

    def _registered(self, precinct: _Precinct) -> int | None:
        counts = self._whole(precinct, Kind.REGISTERED_VOTERS)
        parts = [count for method, count in counts.items() if method is not Method.TOTAL]
        registered = counts.get(Method.TOTAL, sum(parts) if parts else None)
        if registered is None or registered >= 0:
            return registered
        place = Place(REGISTERED_VOTERS, precinct.precinct_id)
        self.notes.append(
            note("negative_cell", place, str(registered), "a count of 0 or more", "taken as not published")
        )
        return None

    def _whole(self, precinct: _Precinct, kind: Kind) -> Counts:
        """Return the counts of everybody: as published, or else its parts added up."""
        rows = precinct.counts.get(kind, {})
        if "" in rows or not rows:
            return rows.get("", {})
        added_up: Counts = {}
        for counts in rows.values():
            for method, count in counts.items():
                added_up[method] = added_up.get(method, 0) + count
        found = f"rows of parts alone: {', '.join(rows)}"
        place = Place(_CELLS[kind], precinct.precinct_id)
        self.notes.append(note("parts_added_up", place, found, "a row of all", f"added up: {_spelt(added_up)}"))
        return added_up

    def official_results(self) -> tuple[OfficialResult, ...]:
        """Return every published cell of a candidate, in the order of the file."""
        return tuple(
            OfficialResult(contest_id, candidate_id, precinct_id, method, count)
            for (precinct_id, contest_id, candidate_id), counts in self._votes.items()
            for method, count in counts.items()
        )

    def official_ballots(self) -> tuple[OfficialBallots, ...]:
        """Return every published cell of ballots and blank ballots."""
        rows = []
        for precinct in self._precincts.values():
            cast = self._whole(precinct, Kind.BALLOTS_CAST)
            blank = self._whole(precinct, Kind.BALLOTS_CAST_BLANK)
            rows += [
                OfficialBallots(precinct.precinct_id, method, cast.get(method), blank.get(method))
                for method in Method
                if method in cast or method in blank
            ]
        return tuple(rows)


def _spelt(counts: Counts) -> str:
    return ", ".join(f"{method.value} {count}" for method, count in counts.items()) or "no figures"


def _check_votes_allowed(allowed: Mapping[str, int], used: set[str], contests: Sequence[Contest]) -> None:
    if not contests:
        raise PermanentError("The file has no candidate of any office: give a precinct file with results.")
    offices = listed(list(dict.fromkeys(contest.office for contest in contests)))
    if unknown := sorted(set(allowed) - used):
        raise PermanentError(
            f"Votes allowed are given for {listed(unknown)}, which is no office of the file: name one of {offices}."
        )
    if bad := [name for name, count in allowed.items() if not 1 <= count <= MAX_NUMBER]:
        raise PermanentError(f"Votes allowed for {listed(bad)} must be from 1 to {MAX_NUMBER:,}.")
