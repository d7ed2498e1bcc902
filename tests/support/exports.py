"""What the marts would say of a made election, as rows to export: without engines, with figures that are known."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from election_assets.domain.election import Election, Publish
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

HASH = "ab" * 32
NOW = datetime(2026, 11, 3, 22, 30, 15, 250_000, tzinfo=UTC)
BALLOTS = 20
POSITION = 99

Votes = Callable[[str, str, str, str], int]


def two_each(_contest: str, _candidate: str, _precinct: str, _method: str) -> int:
    """Give every candidate two votes in each cell: a tie everywhere."""
    return 2


def made_snapshot(election: Election, votes: Votes = two_each, **changes: Any) -> Snapshot:
    """Make the rows of an election with BALLOTS ballots in each precinct and method; `changes` are of ElectionRow."""
    is_withheld = election.publish is Publish.AT_CLOSE
    places = _places(election)
    results = [] if is_withheld else _results(election, votes)
    return Snapshot(
        election=replace(_election(election), **changes),
        contests=[
            ContestRow(one.contest_id, number, one.contest_name, one.office, one.district, one.votes_allowed)
            for number, one in enumerate(election.contests, 1)
        ],
        candidates=[
            CandidateRow(
                contest.contest_id, one.candidate_id, number, one.candidate_name, one.party, one.is_write_in
            )
            for contest in election.contests
            for number, one in enumerate(contest.candidates, 1)
        ],
        precinct_contests=[
            PrecinctContestRow(contest, precinct, precinct == "north", 2 * BALLOTS if precinct == "north" else 50)
            for contest, precinct in places
        ],
        results=results,
        contest_counts=[] if is_withheld else _contest_counts(election, results),
        ballots=[
            BallotRow(
                election.election_id, one.reporting_unit_id, one.reporting_unit_name, method.value, BALLOTS,
                None if is_withheld else 1, POSITION,
            )
            for one in election.precincts
            for method in election.methods
        ],
        turnout=_turnout(election),
        history=[] if is_withheld else _history(election, results),
    )  # fmt: skip


def _election(election: Election) -> ElectionRow:
    return ElectionRow(
        election_id=election.election_id,
        election_name=election.election_name,
        election_date=election.election_date,
        election_type=election.election_type,
        status="unofficial_partial",
        is_test=election.is_test,
        publish=election.publish.value,
        closes_at=election.closes_at,
        registry_hash=HASH,
        position=POSITION,
        recount=0,
        counted_count=80,
        rejected_count=12,
        quarantined_count=7,
        hole_count=0,
        counted_at=NOW,
        exported_at=NOW,
    )


def _places(election: Election) -> list[tuple[str, str]]:
    styles = {style.ballot_style_id: style.contest_ids for style in election.ballot_styles}
    voted_on = {
        (contest, one.precinct_id) for one in election.precinct_ballot_styles for contest in styles[one.ballot_style_id]
    }
    return [
        (contest.contest_id, unit.reporting_unit_id)
        for contest in election.contests
        for unit in election.precincts
        if (contest.contest_id, unit.reporting_unit_id) in voted_on
    ]


def _results(election: Election, votes: Votes) -> list[ResultRow]:
    names = {unit.reporting_unit_id: unit.reporting_unit_name for unit in election.reporting_units}
    rows = []
    for contest in election.contests:
        for one in contest.candidates:
            for its, precinct in _places(election):
                for method in election.methods if its == contest.contest_id else ():
                    count = votes(contest.contest_id, one.candidate_id, precinct, method.value)
                    rows.append(
                        ResultRow(
                            election.election_id, contest.contest_id, contest.contest_name, one.candidate_id,
                            one.candidate_name, one.party, one.is_write_in, precinct, names[precinct], method.value,
                            count, 0, count, POSITION,
                        )
                    )  # fmt: skip
    return rows


def _contest_counts(election: Election, results: list[ResultRow]) -> list[ContestCountRow]:
    """One overvote in each cell; the rest of the ballots are undervotes."""
    contests = {contest.contest_id: contest for contest in election.contests}
    names = {unit.reporting_unit_id: unit.reporting_unit_name for unit in election.reporting_units}
    cells: Counter[tuple[str, str, str]] = Counter()
    for one in results:
        cells[one.contest_id, one.precinct_id, one.method] += one.vote_count
    rows = []
    for its, precinct in _places(election):
        contest = contests[its]
        for method in election.methods:
            votes = cells[its, precinct, method.value]
            over = contest.votes_allowed
            under = BALLOTS * contest.votes_allowed - votes - over
            rows.append(
                ContestCountRow(
                    election.election_id, its, contest.contest_name, contest.votes_allowed, precinct,
                    names[precinct], method.value, BALLOTS, votes, 0, under, over,
                    POSITION,
                )
            )  # fmt: skip
    return rows


def _turnout(election: Election) -> list[TurnoutRow]:
    cast = BALLOTS * len(election.methods)
    rows = []
    for unit in election.reporting_units:
        is_precinct = unit.reporting_unit_type == "precinct"
        ballots = cast if is_precinct else cast * len(election.precincts)
        registered = unit.registered_voter_count
        rows.append(
            TurnoutRow(
                election.election_id, unit.reporting_unit_id, unit.reporting_unit_name, unit.reporting_unit_type,
                unit.parent_id, is_precinct, registered, ballots,
                Decimal(ballots) / registered if registered else None, POSITION,
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row.is_precinct, row.reporting_unit_id))


def _history(election: Election, results: list[ResultRow]) -> list[HistoryRow]:
    totals: dict[tuple[str, str], int] = {}
    for row in results:
        key = (row.contest_id, row.candidate_id)
        totals[key] = totals.get(key, 0) + row.vote_count
    return [
        HistoryRow(
            election.election_id, NOW, 0, POSITION, contest.contest_id, contest.contest_name, one.candidate_id,
            one.candidate_name, one.party, one.is_write_in, totals.get((contest.contest_id, one.candidate_id), 0), 0,
            totals.get((contest.contest_id, one.candidate_id), 0), Decimal("0.5"), None if one.is_write_in else 1,
            True, False,
        )
        for contest in election.contests
        for one in contest.candidates
    ]  # fmt: skip


def with_names(election: Election, contest_id: str, *names: tuple[str, str | None, bool]) -> Election:
    """Leave a contest the candidates named here: name, party, whether it is a write-in line."""
    contests = []
    for contest in election.contests:
        if contest.contest_id == contest_id:
            renamed = zip(contest.candidates, names, strict=False)
            changed = tuple(
                replace(one, candidate_name=name, party=party, is_write_in=is_write_in)
                for one, (name, party, is_write_in) in renamed
            )
            contests.append(replace(contest, candidates=changed))
        else:
            contests.append(contest)
    return replace(election, contests=tuple(contests))
