"""Claims about the NIST report: it is valid, its references lead somewhere, and its sums are those of the rows."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from election_assets.domain.election import BallotStyle, Election, Method, PrecinctBallotStyle, Publish, ReportingUnit
from election_assets.exports.nist import nist_document, nist_report
from election_assets.exports.rows import Snapshot
from tests.support.elections import made_election
from tests.support.exports import BALLOTS, HASH, POSITION, made_snapshot, with_names

SCHEMA = Path(__file__).parents[1] / "data/schemas/NIST_V2_election_results_reporting.json"

Object = dict[str, Any]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft4Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def report_of(snapshot: Snapshot, validator: jsonschema.Draft4Validator) -> Object:
    """Return the report as it is read again, once it is known to be valid and to refer only to what it has."""
    report = json.loads(nist_document(snapshot).content)
    validator.validate(report)
    ids = [one["@id"] for one in objects(report) if "@id" in one]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert set(references(report)) <= set(ids)
    return report


def objects(value: Any) -> Iterator[Object]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from objects(one)


def references(report: Object) -> Iterator[str]:
    for one in objects(report):
        for field, value in one.items():
            if field.endswith("Ids"):
                yield from value
            elif field.endswith("Id") and field != "VendorApplicationId":
                yield value


def contest(report: Object, contest_id: str) -> Object:
    return next(one for one in report["Election"][0]["Contest"] if one["@id"] == f"contest-{contest_id}")


def unit(report: Object, its_id: str) -> Object:
    return next(one for one in report["GpUnit"] if one["@id"] == its_id)


def counts(selection: Object) -> dict[tuple[str, str], int]:
    return {(one["GpUnitId"], one["Type"]): one["Count"] for one in selection["VoteCounts"]}


def told(text: Object) -> str:
    return text["Text"][0]["Content"]


@pytest.fixture(scope="module")
def election() -> Election:
    """The bridge is voted on in the south alone."""
    return made_election(
        "nist",
        ballot_styles=(
            BallotStyle("full", ("mayor", "council", "bridge")),
            BallotStyle("short", ("mayor", "council")),
        ),
        precinct_ballot_styles=(PrecinctBallotStyle("north", "short", 40), PrecinctBallotStyle("south", "full", 40)),
    )


@pytest.fixture(scope="module")
def report(election: Election, validator: jsonschema.Draft4Validator) -> Object:
    return report_of(made_snapshot(election), validator)


def test_the_report_says_what_it_is_of(report: Object) -> None:
    assert (report["Status"], report["IsTest"], report["Format"]) == ("unofficial-partial", True, "precinct-level")
    assert report["GeneratedDate"] == "2026-11-03T22:30:15+00:00"
    found = {one["OtherType"]: one["Value"] for one in report["ExternalIdentifier"]}
    assert found == {"position": str(POSITION), "recount": "0", "registry-sha256": HASH}
    assert (report["Issuer"], report["IssuerAbbreviation"]) == ("The county", "county")
    assert "Notes" not in report


@pytest.mark.parametrize(
    "status", ["pre_election", "unofficial_partial", "unofficial_complete", "certified", "correction", "recount"]
)
def test_every_status_has_its_word(status: str, election: Election, validator: jsonschema.Draft4Validator) -> None:
    assert report_of(made_snapshot(election, status=status), validator)["Status"] == status.replace("_", "-")


def test_votes_are_told_by_unit_and_method_and_added_up(report: Object) -> None:
    ann = contest(report, "mayor")["ContestSelection"][0]
    assert counts(ann) == {
        ("unit-county", "total"): 8,
        ("unit-county", "election-day"): 4,
        ("unit-county", "absentee-mail"): 4,
        **{(f"unit-{place}", "total"): 4 for place in ("north", "south")},
        **{(f"unit-{place}", kind): 2 for place in ("north", "south") for kind in ("election-day", "absentee-mail")},
    }


def test_ballots_are_votes_undervotes_and_overvotes(report: Object) -> None:
    council = contest(report, "council")
    for other in council["OtherCounts"]:
        votes = sum(counts(one)[other["GpUnitId"], "total"] for one in council["ContestSelection"])
        places = 2 if other["GpUnitId"] == "unit-county" else 1
        assert votes + other["Undervotes"] + other["Overvotes"] == places * 2 * BALLOTS * council["VotesAllowed"]


def test_precincts_reported_are_sub_units(report: Object) -> None:
    for one in (contest(report, "mayor"), unit(report, "unit-county")):
        assert (one["SubUnitsReported"], one["TotalSubUnits"]) == (1, 2)
    assert (contest(report, "bridge")["SubUnitsReported"], contest(report, "bridge")["TotalSubUnits"]) == (0, 1)


def test_a_contest_of_one_precinct_is_told_there_once(report: Object) -> None:
    bridge = contest(report, "bridge")
    assert bridge["ElectionDistrictId"] == "unit-south"
    assert counts(bridge["ContestSelection"][0])["unit-south", "total"] == 4
    assert len(bridge["ContestSelection"][0]["VoteCounts"]) == 3


def test_a_question_is_a_ballot_measure_with_options(report: Object) -> None:
    bridge = contest(report, "bridge")
    assert bridge["@type"] == "ElectionResults.BallotMeasureContest"
    assert [told(one["Selection"]) for one in bridge["ContestSelection"]] == ["Yes", "No"]
    names = [told(one["BallotName"]) for one in report["Election"][0]["Candidate"]]
    assert names == ["Ann", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus"]


def test_a_contest_of_several_precincts_that_are_not_all_is_in_a_district(
    validator: jsonschema.Draft4Validator,
) -> None:
    made = made_election("district")
    larger = replace(
        made,
        reporting_units=(*made.reporting_units, ReportingUnit("west", "West", "precinct", "county")),
        precinct_ballot_styles=(*made.precinct_ballot_styles, PrecinctBallotStyle("west", "short", 9)),
    )
    found = report_of(made_snapshot(larger), validator)
    assert contest(found, "bridge")["ElectionDistrictId"] == "district-bridge"
    assert unit(found, "district-bridge")["ComposingGpUnitIds"] == ["unit-north", "unit-south"]
    assert contest(found, "mayor")["ElectionDistrictId"] == "unit-county"


def test_ballots_cast_and_outstanding_are_told(report: Object) -> None:
    ballots = {(one["GpUnitId"], one["Type"]): one for one in report["Election"][0]["BallotCounts"]}
    assert ballots["unit-county", "total"]["BallotsCast"] == 4 * BALLOTS
    assert ballots["unit-south", "absentee-mail"]["BallotsCast"] == BALLOTS
    # South expects 50 and has 40; north has all of its 40.
    found = {unit: one.get("BallotsOutstanding") for (unit, kind), one in ballots.items() if kind == "total"}
    assert found == {"unit-county": 10, "unit-north": 0, "unit-south": 10}


def test_what_is_not_known_is_left_out(election: Election, validator: jsonschema.Draft4Validator) -> None:
    snapshot = made_snapshot(election, registry_hash=None)
    unknown = [replace(one, expected_ballot_count=None, is_reported=False) for one in snapshot.precinct_contests]
    found = report_of(replace(snapshot, precinct_contests=unknown), validator)
    assert "VotersRegistered" not in unit(found, "unit-north")
    assert "registry-sha256" not in {one["OtherType"] for one in found["ExternalIdentifier"]}
    assert not any("BallotsOutstanding" in one for one in found["Election"][0]["BallotCounts"])


def test_registered_voters_are_told_where_they_are_known(validator: jsonschema.Draft4Validator) -> None:
    units = (ReportingUnit("only", "Only", "precinct", None, 100),)
    styles = (PrecinctBallotStyle("only", "full", 100),)
    made = made_election("lone", reporting_units=units, precinct_ballot_styles=styles, methods=(Method.TOTAL,))
    found = report_of(made_snapshot(made), validator)
    assert unit(found, "unit-only")["VotersRegistered"] == 100
    assert found["Election"][0]["ElectionScopeId"] == "unit-only"
    # Where methods are not told apart, the one row is the total.
    assert counts(contest(found, "mayor")["ContestSelection"][0]) == {("unit-only", "total"): 2}


@pytest.mark.parametrize("name", ["מועמדת א׳", "🗳️ Party 🎉", '=HYPERLINK("x")', "Zoë <b>&amp;"])
def test_names_arrive_as_they_are(name: str, validator: jsonschema.Draft4Validator) -> None:
    made = with_names(made_election("names"), "mayor", (name, name, False), ("Write-ins", None, True))
    found = report_of(made_snapshot(made), validator)
    candidate = found["Election"][0]["Candidate"][0]
    assert told(candidate["BallotName"]) == name
    assert [told(one["Name"]) for one in found["Party"]] == [name]
    write_ins = contest(found, "mayor")["ContestSelection"][1]
    assert write_ins["IsWriteIn"]
    assert contest(found, "mayor")["OtherCounts"][0]["WriteIns"] == 8


def test_an_election_without_anything_is_valid(validator: jsonschema.Draft4Validator) -> None:
    bare = made_election("bare", contests=(), ballot_styles=(), precinct_ballot_styles=(), reporting_units=())
    found = report_of(made_snapshot(bare, status="pre_election"), validator)
    assert [one["@id"] for one in found["GpUnit"]] == ["whole-election"]
    assert (found["Issuer"], found["IssuerAbbreviation"]) == (bare.election_name, "bare")


def test_words_that_nist_does_not_have_are_other_ones(validator: jsonschema.Draft4Validator) -> None:
    units = (
        ReportingUnit("canton-a", "Canton A", "canton"),
        ReportingUnit("canton-b", "Canton B", "canton"),
        ReportingUnit("north", "North", "precinct", "canton-a"),
        ReportingUnit("south", "South", "precinct", "canton-b"),
    )
    found = report_of(
        made_snapshot(made_election("cantons", reporting_units=units, election_type="citizens'")), validator
    )
    assert (unit(found, "unit-canton-a")["Type"], unit(found, "unit-canton-a")["OtherType"]) == ("other", "canton")
    assert unit(found, "whole-election")["ComposingGpUnitIds"] == ["unit-canton-a", "unit-canton-b"]
    assert (found["Election"][0]["Type"], found["Election"][0]["OtherType"]) == ("other", "citizens'")


def test_corrections_are_in_the_votes_and_said_so(election: Election) -> None:
    snapshot = made_snapshot(election)
    first, *others = snapshot.results
    corrected = replace(first, adjustment_count=-1, adjusted_vote_count=first.vote_count - 1)
    found = nist_report(replace(snapshot, results=[corrected, *others]))
    assert found["Notes"] == "Votes include corrections by the election office in 1 cells, -1 in all."
    assert counts(contest(found, "mayor")["ContestSelection"][0])["unit-county", "total"] == 7


def test_before_the_close_no_figure_of_a_candidate_is_told(validator: jsonschema.Draft4Validator) -> None:
    made = made_election("later", publish=Publish.AT_CLOSE, closes_at=datetime(2026, 11, 4, tzinfo=UTC))
    found = report_of(made_snapshot(made), validator)
    names = {one["@type"] for one in objects(found)}
    assert not names & {"ElectionResults.VoteCounts", "ElectionResults.OtherCounts"}
    assert "withheld until the polls close" in found["Notes"]
    assert len(contest(found, "mayor")["ContestSelection"]) == 3
