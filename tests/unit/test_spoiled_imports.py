"""Claims about OpenElections files that Hypothesis spoils: they become a folder that is read, or one error."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.apportionment import apportioned, apportioned_within
from election_assets.domain.election_folder import read_election, write_election
from election_assets.domain.figures import official_figures, replayed_figures
from election_assets.domain.folder_text import MAX_COUNT
from election_assets.domain.plain_text import CONTROLS
from election_assets.errors import PermanentError
from election_assets.openelections import import_openelections, report_lines
from tests.support.hostile import as_csv, assert_is_for_people, from_csv, soon, spoiled_bytes, spoiled_rows
from tests.unit.test_openelections_flaws import assert_every_difference_is_a_contradiction

GOOD = b"""county,precinct,office,district,party,candidate,votes,election_day,mail
Sample,A,Registered Voters,,,,100,,
Sample,A,Ballots Cast,,,,60,40,20
Sample,A,Mayor,,BLU,Ada Byron,30,20,10
Sample,A,Mayor,,,Write-ins,5,3,2
Sample,B,Registered Voters,,,,100,,
Sample,B,Ballots Cast,,,,60,,
Sample,B,Mayor,,BLU,Ada Byron,30,20,10
Sample,B,House,7,RED,Bo Diaz,20,,
Sample,B,House,8,RED,Cy Estes,21,,
"""
NAME = "20240521__xx__general__sample__precinct.csv"


def assert_becomes_a_folder_or_one_error(folder: Path, data: bytes, votes_allowed: int = 1) -> str:
    """Import a file; return its report, or the error."""
    (folder / NAME).write_bytes(data)
    try:
        with soon(seconds=10):
            election = import_openelections(folder / NAME, "sample", votes_allowed={"Mayor": votes_allowed})
    except PermanentError as error:
        assert_is_for_people(str(error), most=2_000)
        return str(error)
    assert_every_difference_is_a_contradiction(election)
    write_election(election, folder / "made")
    assert read_election(folder / "made") == election
    report = "\n".join(report_lines(election))
    assert not CONTROLS.search(report.replace("\n", ""))
    return report


@st.composite
def spoiled_precincts(draw: st.DrawFn) -> bytes:
    rows = from_csv(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(spoiled_rows(rows))
    data = as_csv(rows, end=draw(st.sampled_from(["\n", "\r\n"])))
    return draw(spoiled_bytes(data)) if draw(st.booleans()) else data


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=spoiled_precincts())
def test_a_spoiled_file_becomes_a_folder_that_is_read_or_one_error(tmp_path: Path, data: bytes) -> None:
    assert_becomes_a_folder_or_one_error(tmp_path, data)


@pytest.mark.parametrize("cell", [str(MAX_COUNT), str(-MAX_COUNT), str(MAX_COUNT + 1), "9" * 400, "1e9", "=1+1", "١"])
@pytest.mark.parametrize("old", [b"100", b"60,40", b",60", b"30", b"40", b"20,10"])
@pytest.mark.parametrize("votes_allowed", [1, 32_767])
def test_a_huge_figure_is_kept_or_refused_and_never_another_one(
    tmp_path: Path, cell: str, old: bytes, votes_allowed: int
) -> None:
    places = old.split(b",")
    new = b",".join(cell.encode() if place else place for place in places)
    assert_becomes_a_folder_or_one_error(tmp_path, GOOD.replace(old, new), votes_allowed)


def test_the_shares_of_huge_figures_add_up(tmp_path: Path) -> None:
    data = GOOD.replace(b"60,40,20", b"%d,%d,20" % (MAX_COUNT, MAX_COUNT - 20)).replace(b"100", b"%d" % MAX_COUNT, 1)
    data += b"Sample,A,Clerk,,,Di Fox,%d,,\n" % MAX_COUNT
    (tmp_path / NAME).write_bytes(data)
    election = import_openelections(tmp_path / NAME, "sample", votes_allowed={"Clerk": 32_767})
    assert replayed_figures(election) == official_figures(election)


def test_columns_of_one_method_are_added_up_as_far_as_can_be_counted(tmp_path: Path) -> None:
    data = f"precinct,office,candidate,votes,mail,absentee\nA,Mayor,Ada,9,{MAX_COUNT},{MAX_COUNT}\n"
    assert f"found {MAX_COUNT}; expected a whole number" in assert_becomes_a_folder_or_one_error(
        tmp_path, data.encode()
    )


@pytest.mark.parametrize("text", ["Ada\x1b[2J", "Ada\x9b2J", "\u202eadA", "A\0da", "\x1b", "Ada\nBo", "A\u2028da"])
def test_a_name_comes_without_its_control_characters(tmp_path: Path, text: str) -> None:
    for old in (b"Ada Byron", b"Mayor", b"Sample", b",A,", b"BLU", b"30", b"votes"):
        data = GOOD.replace(old, old.replace(old.strip(b","), b'"' + text.encode() + b'"'))
        assert_becomes_a_folder_or_one_error(tmp_path, data)


def test_a_row_with_an_endless_cell_is_left_out(tmp_path: Path) -> None:
    report = assert_becomes_a_folder_or_one_error(tmp_path, GOOD.replace(b"Bo Diaz", b"x" * 1_001))
    assert "cell_too_long: 1" in report
    assert "field larger than field limit" in assert_becomes_a_folder_or_one_error(
        tmp_path, GOOD.replace(b"Bo Diaz", b"x" * 1_000_000)
    )


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "20240521.csv")
    for place in (tmp_path / "20240521.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(PermanentError, match="is no regular file"):
            import_openelections(place, "sample")


@pytest.mark.parametrize("election_id", ["", ".", "..", "../a", "/a", "a:b", "a\n", "a b", "x" * 65, "é"])
def test_an_id_is_one_that_a_folder_can_be_called(tmp_path: Path, election_id: str) -> None:
    with pytest.raises(PermanentError, match="is no id of an election"):
        import_openelections(tmp_path / "a.csv", election_id)


def test_shares_of_huge_figures_are_whole_and_of_the_right_sum() -> None:
    most = np.iinfo(np.int64).max // 2
    for count in (0, 1, MAX_COUNT, 2**40):
        for weights in ([most, most], [2**46, 1, 0], [MAX_COUNT] * 3):
            for shares in (apportioned(count, np.array(weights)), apportioned_within(count, np.array(weights))):
                assert shares.sum() == count
                assert (shares >= 0).all()
