"""Reporting units and ballots in NIST's words: the tree of units, districts of contests, ballots cast and out."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from election_assets.exports.nist.words import COUNT_ITEM_TYPES, TOTAL, Object, text, typed, unit_id, unit_type
from election_assets.exports.rows import ContestRow, Snapshot, TurnoutRow

_WHOLE = "whole-election"


class Units:
    """The places of an election; the scope is its one top unit, or one that is made of all top units."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._precinct_ids = [unit.reporting_unit_id for unit in snapshot.precincts]
        self._reported = {one.precinct_id for one in snapshot.precinct_contests if one.is_reported}
        self._expected = {one.precinct_id: one.expected_ballot_count for one in snapshot.precinct_contests}
        self._voting_on: dict[str, list[str]] = {contest.contest_id: [] for contest in snapshot.contests}
        for one in snapshot.precinct_contests:
            self._voting_on[one.contest_id].append(one.precinct_id)
        self._children: dict[str | None, list[str]] = {}
        for unit in snapshot.turnout:
            self._children.setdefault(unit.parent_id, []).append(unit_id(unit.reporting_unit_id))

    @cached_property
    def scope_id(self) -> str:
        """Return the reference to the unit that is the whole election."""
        tops = self._tops
        return unit_id(tops[0].reporting_unit_id) if len(tops) == 1 else _WHOLE

    @property
    def issuer(self) -> Object:
        """Return who reports: the place that votes, or the election where that is several places."""
        tops, election = self._tops, self._snapshot.election
        if len(tops) == 1:
            return {"Issuer": tops[0].reporting_unit_name, "IssuerAbbreviation": tops[0].reporting_unit_id}
        return {"Issuer": election.election_name, "IssuerAbbreviation": election.election_id}

    @cached_property
    def _tops(self) -> list[TurnoutRow]:
        return [unit for unit in self._snapshot.turnout if unit.parent_id is None]

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        """Precincts in each unit, a precinct in itself."""
        parents = {unit.reporting_unit_id: unit.parent_id for unit in self._snapshot.turnout}
        below: dict[str, list[str]] = {one: [] for one in parents}
        for precinct_id in self._precinct_ids:
            unit: str | None = precinct_id
            while unit is not None:
                below[unit].append(precinct_id)
                unit = parents[unit]
        return below

    def precincts_of(self, contest: ContestRow) -> list[str]:
        """Return the precincts that vote on a contest."""
        return self._voting_on[contest.contest_id]

    def reported(self, precinct_ids: Sequence[str]) -> dict[str, int]:
        """Return how many of these precincts have reported all ballots that are expected."""
        return {"SubUnitsReported": len(self._reported & set(precinct_ids)), "TotalSubUnits": len(precinct_ids)}

    def district_id(self, contest: ContestRow) -> str:
        """Return the reference to where a contest is voted on: everywhere, in one precinct, or in a district."""
        precinct_ids = self.precincts_of(contest)
        if len(precinct_ids) in (0, len(self._precinct_ids)):
            return self.scope_id
        return unit_id(precinct_ids[0]) if len(precinct_ids) == 1 else f"district-{contest.contest_id}"

    def objects(self) -> list[Object]:
        """Return all units: the whole where it is none of them, the tree from its top, the districts."""
        units = self._snapshot.turnout
        whole = [] if self.scope_id != _WHOLE else [self._whole()]
        districts = [self._district(one) for one in self._snapshot.contests if self._is_district(one)]
        return [*whole, *(self._unit(unit) for unit in units), *districts]

    def _unit(self, unit: TurnoutRow) -> Object:
        sub_units = {} if unit.is_precinct else self.reported(self._below[unit.reporting_unit_id])
        return typed(
            "ReportingUnit",
            **{"@id": unit_id(unit.reporting_unit_id)},
            **unit_type(unit.reporting_unit_type),
            Name=text(unit.reporting_unit_name),
            ComposingGpUnitIds=self._children.get(unit.reporting_unit_id),
            VotersRegistered=unit.registered_voter_count,
            VotersParticipated=unit.ballot_count,
            **sub_units,
        )

    def _whole(self) -> Object:
        return typed(
            "ReportingUnit",
            **{"@id": _WHOLE},
            **unit_type("whole election"),
            Name=text(self._snapshot.election.election_name),
            ComposingGpUnitIds=self._children.get(None, []),
            **self.reported(self._precinct_ids),
        )

    def _is_district(self, contest: ContestRow) -> bool:
        return self.district_id(contest) == f"district-{contest.contest_id}"

    def _district(self, contest: ContestRow) -> Object:
        precinct_ids = self.precincts_of(contest)
        return typed(
            "ReportingUnit",
            **{"@id": self.district_id(contest)},
            **unit_type("election district"),
            Name=text(contest.contest_name),
            IsDistricted=True,
            ComposingGpUnitIds=[unit_id(one) for one in precinct_ids],
            **self.reported(precinct_ids),
        )

    def ballot_counts(self) -> list[Object]:
        """Return ballots cast by unit and method, those of the whole first; outstanding ones where they are known."""
        cast: Counter[tuple[str, str]] = Counter()
        for row in self._snapshot.ballots:
            for unit in dict.fromkeys((self.scope_id, unit_id(row.precinct_id))):
                for kind in dict.fromkeys((TOTAL, COUNT_ITEM_TYPES[row.method])):
                    cast[unit, kind] += row.ballot_count
        outstanding = self._outstanding(cast)
        return [
            typed(
                "BallotCounts",
                GpUnitId=unit,
                Type=kind,
                BallotsCast=count,
                BallotsOutstanding=outstanding.get(unit) if kind == TOTAL else None,
            )
            for (unit, kind), count in sorted(cast.items(), key=lambda item: item[0][0] != self.scope_id)
        ]

    def _outstanding(self, cast: Counter[tuple[str, str]]) -> dict[str, int]:
        """Return the ballots that are expected and not counted, by precinct where known, and of all where all are."""
        known = {
            unit_id(precinct_id): max(expected - cast[unit_id(precinct_id), TOTAL], 0)
            for precinct_id, expected in self._expected.items()
            if expected is not None
        }
        whole = {self.scope_id: sum(known.values())} if known and len(known) == len(self._precinct_ids) else {}
        return known | whole
