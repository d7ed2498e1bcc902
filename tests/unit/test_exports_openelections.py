"""Claims about the precinct file: our own importer reads it as the same election."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from election_assets.domain.election import (
    Candidate,
    Contest,
    Election,
    Method,
    PrecinctBallotStyle,
    Publish,
    ReportingUnit,
)
from election_assets.exports.openelections import openelections_document
from election_assets.exports.rows import Snapshot
from election_assets.openelections import import_openelections
from tests.support.elections import made_election
from tests.support.exports import BALLOTS, made_snapshot, with_names

FILES = Path(__file__).parents[1] / "data/openelections"
REGISTERED = tuple(
    replace(unit, registered_voter_count=200 if unit.reporting_unit_type == "precinct" else None)
    for unit in made_election("units").reporting_units
)


def uneven(contest: str, candidate: str, precinct: str, method: str) -> int:
    """Give each cell votes of its own, that find place on the ballots."""
    return (len(candidate) + 2 * len(contest) + (precinct == "north") + 3 * (method == "mail")) % 5


def imported(snapshot: Snapshot, folder: Path) -> Election:
    document = openelections_document(snapshot)
    (folder / document.name).write_bytes(document.content)
    return import_openelections(folder / document.name, snapshot.election.election_id)


def cells(election: Election) -> Counter[tuple[str, ...]]:
    return Counter(
        {
            (row.contest_id, row.candidate_id, row.precinct_id, row.method.value): row.vote_count
            for row in election.official_results
            if row.method is not Method.TOTAL
        }
    )


def test_the_file_is_read_as_the_same_election(tmp_path: Path) -> None:
    election = made_election("round-trip", reporting_units=REGISTERED)
    snapshot = made_snapshot(election, uneven)
    found = imported(snapshot, tmp_path)
    assert found.election_date == election.election_date
    assert found.election_type == election.election_type
    assert found.methods == election.methods
    assert set(found.precincts) == {replace(unit, parent_id="the-county") for unit in election.precincts}
    assert [contest.contest_id for contest in found.contests] == [one.contest_id for one in election.contests]
    assert [contest.candidates for contest in found.contests] == [one.candidates for one in election.contests]
    expected = {
        (row.contest_id, row.candidate_id, row.precinct_id, row.method): row.vote_count for row in snapshot.results
    }
    assert cells(found) == expected
    ballots = {(row.precinct_id, row.method): (row.ballot_count, row.blank_count) for row in found.official_ballots}
    assert ballots["north", Method.MAIL] == (BALLOTS, 1)
    assert ballots["south", Method.TOTAL] == (2 * BALLOTS, 2)


@pytest.mark.parametrize("county", ["adams", "luzerne"])
def test_a_real_county_comes_back_as_it_was(county: str, tmp_path: Path) -> None:
    election = import_openelections(FILES / f"openelections_20201103_pa_{county}_precinct.csv", county)
    official = cells(election)
    found = imported(made_snapshot(election, lambda *cell: official[cell]), tmp_path)
    assert set(found.reporting_units) == set(election.reporting_units)
    assert found.contests == election.contests
    assert cells(found) == official


def test_the_name_says_day_state_and_kind(tmp_path: Path) -> None:
    units = (
        ReportingUnit("pa", "PA", "state"),
        ReportingUnit("adams-county", "Adams County", "county", "pa"),
        ReportingUnit("york-county", "York County", "county", "pa"),
        ReportingUnit("adams.first", "First", "precinct", "adams-county", 100),
        ReportingUnit("york.first", "First", "precinct", "york-county", 100),
    )
    styles = (PrecinctBallotStyle("adams.first", "full", 100), PrecinctBallotStyle("york.first", "full", 100))
    snapshot = made_snapshot(made_election("two", reporting_units=units, precinct_ballot_styles=styles))
    assert openelections_document(snapshot).name == "20261103__pa__general__two__precinct.csv"
    assert imported(snapshot, tmp_path).reporting_units == units


def test_no_kind_of_election_leads_into_another_folder() -> None:
    snapshot = made_snapshot(made_election("odd", election_type="../Special / run_off"))
    assert openelections_document(snapshot).name == "20261103__special-run-off__odd__precinct.csv"


def test_unknown_registration_has_no_row(tmp_path: Path) -> None:
    snapshot = made_snapshot(made_election("unknown"))
    assert b"Registered Voters" not in openelections_document(snapshot).content
    found = imported(snapshot, tmp_path)
    assert [unit.registered_voter_count for unit in found.precincts] == [None, None]
    assert "registration_missing" in {row.kind for row in found.contradictions}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([("Write-ins", None, True)], [("Write-ins", True)]),
        ([("Somebody else", None, True)], [("Somebody else (write-in)", True)]),
        ([("J. Roe", "A", False), ("j. roe", "A", False)], [("J. Roe (ann)", False), ("j. roe (bob)", False)]),
        ([("J. Roe", "A", False), ("J. Roe", "B", False)], [("J. Roe", False), ("J. Roe", False)]),
        ([("Write-ins", None, True), ("Write-in", None, True)], [("Write-ins (ann)", True), ("Write-in (bob)", True)]),
        ([("=1+1", None, False)], [("'=1+1", False)]),
        ([("מועמדת", None, False), ("🗳️", None, False)], [("מועמדת", False), ("🗳️", False)]),
    ],
)
def test_every_candidate_stays_one(
    names: list[tuple[str, str | None, bool]], told: list[tuple[str, bool]], tmp_path: Path
) -> None:
    found = imported(made_snapshot(with_names(made_election("names"), "mayor", *names)), tmp_path)
    mayor = next(contest for contest in found.contests if contest.contest_id == "mayor")
    assert [(one.candidate_name, one.is_write_in) for one in mayor.candidates] == told


def test_contests_of_one_office_are_told_apart_by_their_names(tmp_path: Path) -> None:
    seats = tuple(
        Contest(f"seat-{at}", f"Judge, seat {at}", "Judge", None, 1, (Candidate("ann", "Ann"),)) for at in (1, 2)
    )
    styles = made_election("seats").ballot_styles[:1]
    made = made_election(
        "seats",
        contests=seats,
        ballot_styles=(replace(styles[0], contest_ids=("seat-1", "seat-2")),),
        precinct_ballot_styles=(PrecinctBallotStyle("north", "full", 40),),
    )
    found = imported(made_snapshot(made), tmp_path)
    assert [contest.contest_name for contest in found.contests] == ["Judge, seat 1", "Judge, seat 2"]


def test_precincts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    units = [replace(unit, reporting_unit_name="Ward") for unit in made_election("wards").precincts]
    made = made_election("wards", reporting_units=(ReportingUnit("county", "The county", "county"), *units))
    found = imported(made_snapshot(made), tmp_path)
    assert [unit.reporting_unit_name for unit in found.precincts] == ["Ward (north)", "Ward (south)"]


def test_a_place_without_a_county_has_none(tmp_path: Path) -> None:
    units = tuple(replace(unit, parent_id=None) for unit in made_election("town").precincts)
    document = openelections_document(made_snapshot(made_election("town", reporting_units=units)))
    assert document.content.splitlines()[1].startswith(b",North,Ballots Cast,")


def test_before_the_close_candidates_have_no_figures(tmp_path: Path) -> None:
    snapshot = made_snapshot(made_election("later", publish=Publish.AT_CLOSE))
    found = imported(snapshot, tmp_path)
    assert found.official_results == ()
    assert [contest.contest_id for contest in found.contests] == ["mayor", "council", "bridge"]
    assert {row.blank_count for row in found.official_ballots} == {None}
    assert {row.ballot_count for row in found.official_ballots} == {BALLOTS, 2 * BALLOTS}
