"""Claims about voters, candidates and ballots of files: which rows are good, and why the others are not."""

import json
from datetime import date
from pathlib import Path

import pytest

from election_assets.domain.verdict import Reason
from election_assets.loading.ballots import COLUMNS, BallotBox
from election_assets.loading.candidates import BallotPapers, Candidate
from election_assets.loading.rows import BadRow, Row, read_rows
from election_assets.loading.voters import Voter, read_voter
from tests.support import spellings
from tests.support.ballots import FAULTS, Draft, draft, with_faults
from tests.support.elections import frozen, made_election, roll_of

STYLES = {"north": {"full": (2, 1), "short": (2, 2)}, "south": {"full": (3, 1)}}
ELECTION_DAY = date(2026, 11, 3)


def voter(**changes: str) -> Voter | BadRow:
    usual = {"voter_id": "v1", "precinct_id": "south", "ballot_style_id": "full"}
    return read_voter(Row(7, "as it was", {**usual, **changes}), STYLES, ELECTION_DAY)


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"voter_id": ""}, Reason.MALFORMED, "line 7: voter_id: nothing stands here"),
        ({"voter_id": "a b"}, Reason.MALFORMED, "line 7: voter_id: found 'a b'; ids are 1 to 64"),
        ({"voter_id": "x" * 65}, Reason.MALFORMED, "ids are 1 to 64"),
        ({"voter_id": "v1\n"}, Reason.MALFORMED, "control characters"),
        ({"precinct_id": "nörd"}, Reason.MALFORMED, "precinct_id: found 'nörd'"),
        ({"gender": "f"}, Reason.MALFORMED, "write one of: female, male, unknown"),
        ({"age_group": "18"}, Reason.MALFORMED, "write one of: 18-24, 25-34"),
        ({"birth_date": "03/04/1980"}, Reason.MALFORMED, "write a date like"),
        ({"birth_date": "2026-11-04"}, Reason.MALFORMED, "write a day before 2026-11-03"),
        ({"full_name": "Ann\x1b[2J"}, Reason.MALFORMED, "control characters"),
        ({"email": "ann@example.org"}, Reason.MALFORMED, "full_name: nothing stands here"),
        ({"precinct_id": "nowhere"}, Reason.UNKNOWN_PRECINCT, "no precinct 'nowhere'"),
        ({"ballot_style_id": "short"}, Reason.UNKNOWN_BALLOT_STYLE, "Ballot styles of precinct 'south' are: full."),
        (
            {"precinct_id": "north", "ballot_style_id": ""},
            Reason.UNKNOWN_BALLOT_STYLE,
            "Ballot styles of precinct 'north' are: full, short.",
        ),
    ],
)
def test_a_bad_voter_has_a_reason_and_a_remedy(changes: dict[str, str], reason: Reason, said: str) -> None:
    bad = voter(**changes)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason, bad.row) == (7, reason, "as it was")
    assert said in bad.explanation


def test_all_that_is_wrong_with_a_voter_is_said_at_once() -> None:
    bad = voter(voter_id="", gender="x")
    assert isinstance(bad, BadRow)
    assert "voter_id" in bad.explanation
    assert "gender" in bad.explanation


def test_a_voter_needs_no_more_than_an_id_and_a_precinct_with_one_style() -> None:
    assert voter(ballot_style_id="") == Voter("v1", "south", "full", "unknown", "unknown", None)


def test_the_age_group_is_that_of_the_election_day_where_only_the_birth_date_is_given() -> None:
    groups = {"2008-11-03": "18-24", "2008-11-04": "unknown", "1961-11-03": "65+", "1961-11-04": "55-64"}
    for birth_date, group in groups.items():
        found = voter(birth_date=birth_date)
        assert isinstance(found, Voter)
        assert (found.age_group, found.profile) == (group, None)
    told = voter(birth_date="1961-11-03", age_group="25-34")
    assert isinstance(told, Voter)
    assert told.age_group == "25-34"


def test_what_is_personal_is_in_the_profile_alone() -> None:
    found = voter(full_name="Ann Example", birth_date="1980-02-29", email="ann@example.org", address="")
    assert isinstance(found, Voter)
    assert found.profile == (date(1980, 2, 29), "Ann Example", None, "ann@example.org", None, None, None)
    assert found[:5] == ("v1", "south", "full", "45-54", "unknown")


def test_candidates_are_numbered_after_those_there_are_and_named_once() -> None:
    papers = BallotPapers({"mayor": {"ann": 1, "bob": 2}, "bridge": {}})

    def row(line: int, contest_id: str, candidate_id: str, **more: str) -> Row:
        usual = {"contest_id": contest_id, "candidate_id": candidate_id, "candidate_name": candidate_id.title()}
        return Row(line, "", {**usual, **more})

    good, bad = papers.sift(
        [
            row(2, "mayor", "cleo", party="IND"),
            row(3, "bridge", "yes"),
            row(4, "mayor", "ann"),
            row(5, "mayor", "cleo"),
            row(6, "sheriff", "cleo"),
            row(7, "mayor", "dan", is_write_in="maybe"),
            row(8, "mayor", "eve", candidate_name=""),
            row(9, "mayor", "others", is_write_in="true"),
        ]
    )
    assert good == [
        Candidate("mayor", "cleo", 3, "Cleo", "IND", False),
        Candidate("bridge", "yes", 1, "Yes", None, False),
        Candidate("mayor", "others", 4, "Others", None, True),
    ]
    assert [(one.line, str(one.reason)) for one in bad] == [
        (4, "duplicate"),
        (5, "duplicate"),
        (6, "unknown_contest"),
        (7, "malformed"),
        (8, "malformed"),
    ]
    assert bad[0].explanation == "Candidate 'ann' of contest 'mayor' is registered already."
    assert bad[1].explanation == "Candidate 'cleo' of contest 'mayor' stands in line 2 already."


ELECTION = made_election("town-2026", voters_each=12)
NORTH_FULL, *OTHERS = (one for one in roll_of(ELECTION) if (one.precinct_id, one.ballot_style_id) == ("north", "full"))
GOOD = draft(ELECTION, NORTH_FULL, {"mayor": ["ann"], "council": ["dan", "eve"]})


def box() -> BallotBox:
    # Polls that were open for a moment in 1970: when a ballot comes is nothing that a file can say.
    return BallotBox(*frozen(ELECTION, opens_at_ms=5, closes_at_ms=6))


def row_of(ballot: Draft) -> Row:
    return Row(1, "", {name: value for name, value in ballot.fields.items() if name != "election_id"})


def reasons(*ballots: Draft) -> list[Reason | None]:
    """What becomes of the rows of one file."""
    one_box = box()
    found = [one_box.sift([row_of(ballot)]) for ballot in ballots]
    return [Reason(bad[0].reason) if bad else None for _, bad in found]


def test_a_good_ballot_is_sent_as_its_voter_would_send_it() -> None:
    ((key, value),), bad = box().sift([row_of(GOOD)])
    assert bad == []
    assert key == NORTH_FULL.voter_id.encode()
    assert json.loads(value) == GOOD.fields


@pytest.mark.parametrize("reason", list(FAULTS)[list(FAULTS).index(Reason.WRONG_ELECTION) :])
def test_what_the_count_would_not_count_is_not_sent(reason: Reason) -> None:
    if reason is Reason.AFTER_CLOSE:
        assert reasons(with_faults(GOOD, reason)) == [None]
        return
    ballot = with_faults(GOOD, reason)
    _, (bad,) = box().sift([Row(3, "as it was", dict(ballot.fields))])
    assert bad == BadRow(3, reason, reason.sentence, "as it was")


def test_of_a_voter_one_ballot_of_a_file_is_sent_and_of_a_ballot_one_copy() -> None:
    second = draft(ELECTION, NORTH_FULL, attempt=1)
    borrowed = draft(ELECTION, OTHERS[0]).having(ballot_id=GOOD.fields["ballot_id"])
    assert reasons(GOOD, GOOD, second, borrowed, draft(ELECTION, OTHERS[0])) == [
        None,
        Reason.DUPLICATE_DELIVERY,
        Reason.SECOND_BALLOT,
        Reason.DUPLICATE_DELIVERY,
        None,
    ]


def test_a_bad_ballot_does_not_use_up_its_voters_right() -> None:
    assert reasons(with_faults(GOOD, Reason.UNKNOWN_CANDIDATE), GOOD) == [Reason.UNKNOWN_CANDIDATE, None]


BLANK = {**GOOD.having(selections={}).fields}
# In rows white space and a byte order mark do not count, and the election need not be named.
SPELLED = {
    name: value.replace(b"\r\n", b"") for name, value in spellings.well_formed(BLANK).items() if value is not None
}
RIGHT_AS_ROWS = {
    "16 KiB and a byte",
    "nearly 64 KiB",
    "a byte order mark",
    "election_id missing",
    "election_id null",
}
MALFORMED = {
    name: value
    for name, value in spellings.malformed(BLANK).items()
    if value and value.strip() and name not in RIGHT_AS_ROWS
}


def rows_of(folder: Path, line: bytes) -> list[Row | BadRow]:
    (folder / "ballot.jsonl").write_bytes(line)
    return list(read_rows(folder / "ballot.jsonl", COLUMNS))


@pytest.mark.parametrize("spelling", SPELLED)
def test_every_spelling_of_a_ballot_is_one_as_a_line_too(tmp_path: Path, spelling: str) -> None:
    rows = rows_of(tmp_path, SPELLED[spelling])
    good, bad = box().sift([row for row in rows if isinstance(row, Row)])
    assert (len(rows), len(good), bad) == (1, 1, [])


@pytest.mark.parametrize("spelling", MALFORMED)
def test_what_is_malformed_as_a_message_is_malformed_as_a_line(tmp_path: Path, spelling: str) -> None:
    rows = rows_of(tmp_path, MALFORMED[spelling])
    good, bad = box().sift([row for row in rows if isinstance(row, Row)])
    assert good == []
    assert {str(one.reason) for one in [*bad, *rows] if isinstance(one, BadRow)} == {"malformed"}
