"""Reading of what is exported: the marts as the role `reader` sees them, in one snapshot, and nothing else."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from election_assets.domain.election import Method
from election_assets.errors import PermanentError
from election_assets.exports.rows import (
    BallotRow,
    CandidateRow,
    ContestCountRow,
    ContestRow,
    ElectionRow,
    HistoryRow,
    PrecinctContestRow,
    ResultRow,
    Snapshot,
    TurnoutRow,
)
from election_assets.results import one_snapshot, unknown_election
from election_assets.settings import Settings

Row = dict[str, Any]

_ELECTION = """
select election_id, election_name, election_date, election_type, status, is_test, publish, closes_at, registry_hash,
    position, recount, counted_count, rejected_count, quarantined_count, hole_count, counted_at, now() as exported_at
from marts.dim_elections where election_id = %s
"""
_CONTESTS = """
select contest_id, contest_number, contest_name, office, district, votes_allowed
from marts.dim_contests where election_id = %s order by contest_number
"""
_CANDIDATES = """
select contest_id, candidate_id, candidate_number, candidate_name, party, is_write_in
from marts.dim_candidates where election_id = %s
"""
_UNITS = """
select reporting_unit_id, reporting_unit_name, reporting_unit_type, parent_id, is_precinct, registered_voter_count
from marts.dim_reporting_units where election_id = %s
"""
_TURNOUT = """
select reporting_unit_id, ballot_count, turnout_share from marts.fct_turnout where election_id = %s
"""
_PROGRESS = """
select contest_id, reporting_unit_id, all_count = precinct_count as is_reported, expected_ballot_count
from marts.fct_reporting_progress where election_id = %s
"""
_RESULTS = """
select contest_id, candidate_id, precinct_id, method, vote_count, adjustment_count, adjusted_vote_count, position
from marts.fct_candidate_results where election_id = %s
"""
_CONTEST_COUNTS = """
select contest_id, precinct_id, method, votes_allowed, ballot_count, vote_count, adjustment_count, undervote_count,
    overvote_count, position
from marts.fct_reconciliation where election_id = %s
"""
_BALLOTS = """
select precinct_id, method, ballot_count, blank_count, position from marts.fct_ballots where election_id = %s
"""
_HISTORY = """
select as_of_at, recount, position, contest_id, candidate_id, vote_count, adjustment_count, adjusted_vote_count,
    vote_share, rank, is_tied, is_leading
from marts.fct_results_history where election_id = %s
"""
_QUERIES = (
    _ELECTION,
    _CONTESTS,
    _CANDIDATES,
    _UNITS,
    _TURNOUT,
    _PROGRESS,
    _RESULTS,
    _CONTEST_COUNTS,
    _BALLOTS,
    _HISTORY,
)


def read_snapshot(settings: Settings, election_id: str, exported: str | None = None) -> Snapshot:
    """Read all that is exported of an election, as of an exported snapshot of the database where one is named.

    Raises PermanentError where the marts do not know the election, or are not built as this version has them.
    """
    try:
        with one_snapshot(settings, exported) as connection:
            # Files are read elsewhere: their times are UTC, whatever the server's zone is.
            connection.execute("set local time zone 'UTC'")
            found = _Found(connection, election_id)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise PermanentError(
            f"The marts are not built, or by an earlier version ({error.diag.message_primary}): "
            "`election demo` or `make dev` builds them."
        ) from error
    # Only now: Postgres ends a transaction of `reader` that asks nothing for ten seconds.
    return found.snapshot()


def _fetched(connection: psycopg.Connection, query: str, election_id: str) -> list[Row]:
    return connection.cursor(row_factory=dict_row).execute(query.encode(), (election_id,)).fetchall()


class _Found:
    """The marts' rows of one election. Names are joined here: the planner would compute a view again for each row."""

    def __init__(self, connection: psycopg.Connection, election_id: str) -> None:
        self._election_id = election_id
        self._rows = {query: _fetched(connection, query, election_id) for query in _QUERIES}
        if not self._rows[_ELECTION]:
            raise unknown_election(election_id)
        self._election = ElectionRow(**self._rows[_ELECTION][0])
        self._contests = {row["contest_id"]: ContestRow(**row) for row in self._rows[_CONTESTS]}
        self._candidates = {
            (row["contest_id"], row["candidate_id"]): CandidateRow(**row) for row in self._rows[_CANDIDATES]
        }
        # The place of contests and their candidates on the ballot; what names none stands first.
        self._places = {("", ""): (0, 0)}
        self._places |= {(one, ""): (contest.contest_number, 0) for one, contest in self._contests.items()}
        for (contest_id, candidate_id), one in self._candidates.items():
            place = (self._contests[contest_id].contest_number, one.candidate_number)
            self._places[contest_id, candidate_id] = place
        self._units = {unit.reporting_unit_id: unit for unit in self._turnout()}

    def snapshot(self) -> Snapshot:
        """Return all of them, in the order of the ballot, then of precincts, then of methods."""
        return Snapshot(
            election=self._election,
            contests=list(self._contests.values()),
            candidates=sorted(
                self._candidates.values(), key=lambda one: self._places[one.contest_id, one.candidate_id]
            ),
            precinct_contests=self._precinct_contests(),
            results=[ResultRow(**row) for row in self._cells(_RESULTS)],
            contest_counts=[ContestCountRow(**row) for row in self._cells(_CONTEST_COUNTS)],
            ballots=[BallotRow(**row) for row in self._cells(_BALLOTS)],
            turnout=list(self._units.values()),
            history=self._history(),
        )

    def _turnout(self) -> list[TurnoutRow]:
        """Return the units, upper ones first."""
        ballots = {row.pop("reporting_unit_id"): row for row in self._rows[_TURNOUT]}
        nothing: Row = {"ballot_count": 0, "turnout_share": None}
        said: Row = {"election_id": self._election_id, "position": self._election.position}
        units = [
            TurnoutRow(**said, **row, **ballots.get(row["reporting_unit_id"], nothing)) for row in self._rows[_UNITS]
        ]
        return sorted(units, key=lambda unit: (unit.is_precinct, unit.reporting_unit_id))

    def _precinct_contests(self) -> list[PrecinctContestRow]:
        rows = [
            PrecinctContestRow(precinct_id=row.pop("reporting_unit_id"), **row)
            for row in self._rows[_PROGRESS]
            if self._units[row["reporting_unit_id"]].is_precinct
        ]
        return sorted(rows, key=lambda row: (self._places[row.contest_id, ""], row.precinct_id))

    def _cells(self, query: str) -> list[Row]:
        """Return rows of precincts and methods with their names, in their order."""
        methods = list(Method)
        return sorted(
            map(self._named, self._rows[query]),
            key=lambda row: (self._place(row), row["precinct_id"], methods.index(row["method"])),
        )

    def _history(self) -> list[HistoryRow]:
        rows = sorted(self._rows[_HISTORY], key=lambda row: (row["as_of_at"], self._place(row)))
        return [HistoryRow(**self._named(row)) for row in rows]

    def _place(self, row: Row) -> tuple[int, int]:
        return self._places[row.get("contest_id", ""), row.get("candidate_id", "")]

    def _named(self, row: Row) -> Row:
        """Return a row with the names of what it has ids of."""
        names: Row = {"election_id": self._election_id}
        if "contest_id" in row:
            names["contest_name"] = self._contests[row["contest_id"]].contest_name
        if "candidate_id" in row:
            candidate = self._candidates[row["contest_id"], row["candidate_id"]]
            names |= {one: getattr(candidate, one) for one in ("candidate_name", "party", "is_write_in")}
        if "precinct_id" in row:
            names["precinct_name"] = self._units[row["precinct_id"]].reporting_unit_name
        return row | names
