"""Importing OpenElections precinct files: made ones, with every layout and every kind of flaw."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from election_assets.domain.election import Contradiction, Election, Method
from election_assets.domain.figures import official_figures, place_of, replayed_figures
from election_assets.errors import PermanentError
from election_assets.openelections import import_openelections

SPLIT_HEADER = "county,precinct,office,district,party,candidate,votes,election_day,mail"
HEADER = "county,precinct,office,district,party,candidate,votes"


def imported(tmp_path: Path, text: str, **options: object) -> Election:
    file = tmp_path / "20240521__xx__general__sample__precinct.csv"
    file.write_text(text.strip() + "\n", encoding="utf-8")
    election = import_openelections(file, "sample", **options)
    assert_every_difference_is_a_contradiction(election)
    return election


def assert_every_difference_is_a_contradiction(election: Election) -> None:
    official, replayed = official_figures(election), replayed_figures(election)
    differing = {place: replayed[place] for place, count in official.items() if replayed[place] != count}
    rows = [row for row in election.contradictions if row.replayed_count is not None]
    assert {place_of(row): row.replayed_count for row in rows} == differing
    assert len(rows) == len(differing)


def kinds(election: Election) -> Counter[str]:
    return Counter(row.kind for row in election.contradictions)


def only(election: Election, kind: str) -> Contradiction:
    (row,) = [row for row in election.contradictions if row.kind == kind]
    return row


def rows_of(*precincts: str, registered: int = 100, ballots: int = 60) -> str:
    lines = []
    for name in precincts:
        lines += [
            f"Sample,{name},Registered Voters,,,,{registered}",
            f"Sample,{name},Ballots Cast,,,,{ballots}",
            f"Sample,{name},Mayor,,BLU,Ada Byron,30",
            f"Sample,{name},Mayor,,RED,Bo Diaz,20",
        ]
    return "\n".join(lines)


def without(text: str, name: str) -> str:
    return "\n".join(line for line in text.splitlines() if name not in line)


class TestFlaws:
    def test_methods_that_do_not_add_up_are_replayed_and_the_total_differs(self, tmp_path: Path) -> None:
        rows = [
            "S,A,Registered Voters,,,,100,,", "S,A,Ballots Cast,,,,60,40,20",
            "S,A,Mayor,,BLU,Ada,33,20,10", "S,A,Mayor,,RED,Bo,20,10,10",
        ]  # fmt: skip
        row = only(imported(tmp_path, "\n".join([SPLIT_HEADER, *rows])), "methods_do_not_add_up")
        assert (row.candidate_id, row.method, row.cell, row.replayed_count) == ("ada", "total", "votes", 30)

    def test_ballots_whose_methods_do_not_add_up_are_replayed_by_method(self, tmp_path: Path) -> None:
        rows = ["S,A,Ballots Cast,,,,61,40,20", "S,A,Mayor,,BLU,Ada,30,20,10"]
        row = only(imported(tmp_path, "\n".join([SPLIT_HEADER, *rows])), "methods_do_not_add_up")
        assert (row.method, row.cell, row.replayed_count) == ("total", "ballots_cast", 60)

    def test_method_columns_nobody_filled_in_are_not_believed(self, tmp_path: Path) -> None:
        rows = ["S,A,Ballots Cast,,,,60,0,0", "S,A,Mayor,,BLU,Ada,30,0,0"]
        election = imported(tmp_path, "\n".join([SPLIT_HEADER, *rows]))
        assert election.methods == (Method.TOTAL,)
        assert replayed_figures(election) == official_figures(election)
        assert "zeros" in only(election, "methods_do_not_add_up").found

    def test_votes_beyond_the_methods_published_came_in_on_election_day(self, tmp_path: Path) -> None:
        header = "county,precinct,office,district,party,candidate,votes,absentee,early_voting"
        election = imported(tmp_path, f"{header}\nS,A,Ballots Cast,,,,60,5,15\nS,A,Mayor,,BLU,Ada,30,4,6")
        assert election.methods == (Method.ELECTION_DAY, Method.MAIL, Method.EARLY)
        assert replayed_figures(election) == official_figures(election)
        assert "election_day" in only(election, "methods_do_not_add_up").action

    def test_a_contest_without_methods_is_divided_among_them_and_reproduced(self, tmp_path: Path) -> None:
        rows = [
            "S,A,Ballots Cast,,,,60,40,20", "S,A,Mayor,,BLU,Ada,50,35,15",
            "S,A,Clerk,,,Cy,45,,", "S,A,Clerk,,,Di,15,,",
        ]  # fmt: skip
        election = imported(tmp_path, "\n".join([SPLIT_HEADER, *rows]))
        assert replayed_figures(election) == official_figures(election)
        assert "more_votes_than_ballots" not in kinds(election)

    def test_a_missing_ballot_count_is_as_large_as_the_votes_need(self, tmp_path: Path) -> None:
        text = f"{HEADER}\n{rows_of('A')}\n{without(rows_of('B'), 'Ballots')}"
        row = only(imported(tmp_path, text), "ballots_missing")
        assert (row.precinct_id, row.replayed_count) == ("b", None)

    def test_a_file_without_registration_and_ballots_is_marked_unknown(self, tmp_path: Path) -> None:
        bare = without(without(rows_of("A", "B"), "Registered"), "Ballots")
        election = imported(tmp_path, f"{HEADER}\n{bare}")
        assert {unit.registered_voter_count for unit in election.precincts} == {None}
        assert election.voter_count == 100
        assert kinds(election) == {"registration_missing": 1, "ballots_missing": 1}

    def test_more_ballots_than_registered_extend_the_roll(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A', registered=55)}")
        row = only(election, "more_ballots_than_registered")
        assert (row.precinct_id, row.cell, row.replayed_count) == ("a", "registered_voters", 60)
        assert election.precincts[0].registered_voter_count == 55
        assert election.voter_count == 60

    def test_a_negative_cell_is_replayed_as_nothing(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A').replace('Diaz,20', 'Diaz,-20')}")
        row = only(election, "negative_cell")
        assert (row.candidate_id, row.found, row.replayed_count) == ("bo-diaz", "-20", 0)

    def test_a_negative_registration_is_unknown(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A', registered=-7)}\n{rows_of('B')}")
        assert kinds(election) == {"negative_cell": 1, "registration_missing": 1}
        assert election.precincts[0].registered_voter_count is None

    @pytest.mark.parametrize("text", ["n/a", "*", "12.5", "1,13", "twelve", "99999999999", "²"])
    def test_a_cell_that_is_not_a_number_is_not_published(self, tmp_path: Path, text: str) -> None:
        flawed = rows_of("A").replace("Diaz,20", f'Diaz,"{text}"')
        election = imported(tmp_path, f"{HEADER}\n{flawed}")
        row = only(election, "not_a_number")
        assert (row.candidate_id, row.found) == ("bo-diaz", text)
        assert [result.candidate_id for result in election.official_results] == ["ada-byron"]

    def test_a_method_that_is_not_a_number_is_what_the_others_leave_of_the_total(self, tmp_path: Path) -> None:
        rows = ["S,A,Ballots Cast,,,,60,40,20", "S,A,Mayor,,BLU,Ada,30,?,10", "S,A,Mayor,,RED,Bo,20,15,5"]
        election = imported(tmp_path, "\n".join([SPLIT_HEADER, *rows]))
        assert kinds(election)["not_a_number"] == 1
        assert replayed_figures(election) == official_figures(election)

    def test_thousands_separators_and_trailing_zeros_are_numbers(self, tmp_path: Path) -> None:
        text = rows_of("A", registered=9000, ballots=8000).replace("Byron,30", 'Byron,"1,135"').replace(",20", ",20.0")
        election = imported(tmp_path, f"{HEADER}\n{text}")
        assert [result.vote_count for result in election.official_results] == [1135, 20]

    def test_a_duplicate_row_is_left_out(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A')}\nSample,A,Mayor,,BLU,Ada Byron,31")
        row = only(election, "duplicate_row")
        assert "total 31 after total 30" in row.found
        assert replayed_figures(election) == official_figures(election)

    def test_identical_registration_everywhere_is_noticed(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A', 'B', 'C')}")
        assert (
            "100 registered voters in each of 3 precincts" in only(election, "identical_registration_everywhere").found
        )

    def test_more_blank_ballots_than_the_votes_leave_add_ballots(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A')}\nSample,A,Ballots Cast Blank,,,,15")
        row = only(election, "blank_ballots_do_not_fit")
        assert (row.cell, row.replayed_count) == ("ballots_cast", 65)

    def test_ballots_that_no_vote_reaches_are_blank(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A')}\nSample,A,Ballots Cast Blank,,,,3")
        row = only(election, "blank_ballots_do_not_fit")
        assert (row.cell, row.replayed_count) == ("ballots_cast_blank", 10)

    def test_over_and_undervote_rows_are_not_candidates(self, tmp_path: Path) -> None:
        text = f"{HEADER}\n{rows_of('A')}\nSample,A,Mayor,,,Over Votes,1\nSample,A,Mayor,,,Undervotes,9"
        election = imported(tmp_path, text)
        assert kinds(election) == {"not_a_candidate": 2}
        assert len(election.contests[0].candidates) == 2

    def test_rows_about_nobody_are_left_out_and_said_so(self, tmp_path: Path) -> None:
        lines = [
            "Sample,Total,Mayor,,BLU,Ada Byron,60", "Sample,,Mayor,,BLU,Ada Byron,60", "Sample,A,,,BLU,Ada Byron,60",
            "Sample,A,Mayor,,BLU,,60", "Sample,A,Mayor,,BLU,Ada Byron,1,135", ",,,,,,",
        ]  # fmt: skip
        election = imported(tmp_path, "\n".join([HEADER, rows_of("A"), *lines]))
        expected = ["sum_of_precincts", "no_precinct", "no_office", "no_candidate", "more_cells_than_columns"]
        assert kinds(election) == dict.fromkeys(expected, 1)

    def test_columns_that_are_no_known_method_are_named(self, tmp_path: Path) -> None:
        text = f"{HEADER},drone\nSample,A,Mayor,,BLU,Ada Byron,60,3"
        assert "'drone'" in only(imported(tmp_path, text), "unknown_column").found

    def test_registration_by_party_is_added_up_where_it_stands_alone(self, tmp_path: Path) -> None:
        text = rows_of("A", "B").replace("Sample,A,Registered Voters,,,,100", "\n".join([
            "Sample,A,Registered Voters - DEM,,,,50", "Sample,A,Registered Voters - REP,,,,40",
        ])) + "\nSample,B,Registered Voters,,DEM,,50"  # fmt: skip
        election = imported(tmp_path, f"{HEADER}\n{text}")
        assert [unit.registered_voter_count for unit in election.precincts] == [90, 100]
        assert kinds(election) == {"parts_added_up": 1}

    def test_a_party_left_out_here_and_there_is_the_same_candidate(self, tmp_path: Path) -> None:
        text = f"{rows_of('A')}\n{rows_of('B').replace(',BLU,', ',,')}"
        election = imported(tmp_path, f"{HEADER}\n{text}")
        assert [(one.candidate_name, one.party) for one in election.contests[0].candidates] == [
            ("Ada Byron", "BLU"), ("Bo Diaz", "RED"),
        ]  # fmt: skip

    @pytest.mark.parametrize("name", ["Write-ins", "write-in", "WRITE IN", "Write-In Totals", "Total Write-ins"])
    def test_write_ins_are_one_line_however_spelt(self, tmp_path: Path, name: str) -> None:
        text = f"{HEADER}\n{rows_of('A', 'B')}\nSample,A,Mayor,,,{name},2\nSample,B,Mayor,,,Write-ins,1"
        lines = imported(tmp_path, text).contests[0].candidates
        assert [(one.candidate_id, one.is_write_in) for one in lines[2:]] == [("write-ins", True)]

    def test_a_named_write_in_is_a_line_of_its_own(self, tmp_path: Path) -> None:
        text = f"{HEADER}\n{rows_of('A')}\nSample,A,Mayor,,,Cy Twombly (Write-In),2"
        assert imported(tmp_path, text).contests[0].candidates[2].candidate_id == "cy-twombly-write-in"


class TestLayouts:
    def test_a_states_precincts_may_share_names(self, tmp_path: Path) -> None:
        text = f"{HEADER}\n{rows_of('Ward 1')}\n{rows_of('Ward 1').replace('Sample', 'Other')}"
        units = imported(tmp_path, text).reporting_units
        assert [(unit.reporting_unit_id, unit.reporting_unit_type, unit.parent_id) for unit in units] == [
            ("xx", "state", None), ("sample-county", "county", "xx"), ("other-county", "county", "xx"),
            ("sample.ward-1", "precinct", "sample-county"), ("other.ward-1", "precinct", "other-county"),
        ]  # fmt: skip

    def test_ids_stay_unique_and_short(self, tmp_path: Path) -> None:
        long = "W" * 80
        units = imported(tmp_path, f"{HEADER}\n{rows_of('A #1', 'A 1', '第一', long, long + '2')}").precincts
        ids = [unit.reporting_unit_id for unit in units]
        assert ids[:3] == ["a-1", "a-1-2", "precinct-3"]
        assert len(set(ids)) == 5
        assert max(map(len, ids)) <= 64

    def test_votes_allowed_are_given_by_office(self, tmp_path: Path) -> None:
        text = f"{HEADER}\n{rows_of('A', ballots=30)}"
        election = imported(tmp_path, text, votes_allowed={"MAYOR": 2})
        assert election.contests[0].votes_allowed == 2
        assert not election.contradictions

    def test_a_contest_that_elects_several_needs_a_ballot_per_vote_of_a_candidate(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A', ballots=29)}", votes_allowed={"Mayor": 2})
        assert only(election, "more_votes_than_ballots").replayed_count == 30

    def test_votes_allowed_for_an_unknown_office_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PermanentError, match=r"dogcatcher.*Mayor"):
            imported(tmp_path, f"{HEADER}\n{rows_of('A')}", votes_allowed={"Dogcatcher": 2})

    def test_several_split_offices_make_few_ballot_styles(self, tmp_path: Path) -> None:
        lines = [
            "S,A,Ballots Cast,,,,100", "S,A,Mayor,,,Ada,90",
            "S,A,House,1,,Cy,30", "S,A,House,2,,Di,30", "S,A,House,3,,Ed,10",
            "S,A,Senate,7,,Flo,50", "S,A,Senate,8,,Gil,40",
        ]  # fmt: skip
        election = imported(tmp_path, "\n".join([HEADER, *lines]))
        assert 3 <= len(election.ballot_styles) <= 4
        assert replayed_figures(election) == official_figures(election)

    def test_a_district_without_ballots_is_still_on_a_ballot_style(self, tmp_path: Path) -> None:
        lines = ["S,A,Ballots Cast,,,,10", "S,A,House,1,,Cy,10", "S,A,House,2,,Di,0"]
        election = imported(tmp_path, "\n".join([HEADER, *lines]))
        assert {one for style in election.ballot_styles for one in style.contest_ids} == {"house-1", "house-2"}

    def test_seats_that_every_voter_votes_for_stand_on_one_ballot(self, tmp_path: Path) -> None:
        lines = [
            f"S,{precinct},{office},{seat},,{name},{votes}"
            for precinct in "AB"
            for office, seat, name, votes in [
                ("Ballots Cast", "", "", 100), ("Judge", 1, "Cy", 90), ("Judge", 2, "Di", 80),
            ]
        ]  # fmt: skip
        election = imported(tmp_path, "\n".join([HEADER, *lines]))
        assert [style.contest_ids for style in election.ballot_styles] == [("judge-1", "judge-2")]
        assert "more_votes_than_ballots" not in kinds(election)

    def test_a_precinct_without_results_keeps_its_voters(self, tmp_path: Path) -> None:
        election = imported(tmp_path, f"{HEADER}\n{rows_of('A')}\nSample,B,Registered Voters,,,,7")
        assert [row.voter_count for row in election.precinct_ballot_styles] == [100, 7]

    def test_county_district_and_party_are_optional_and_windows_text_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "20240521__xx__sample.csv"
        file.write_bytes("precinct,office,candidate,votes\nNi\xf1os,Mayor,Ren\xe9e,3\n".encode("cp1252"))
        election = import_openelections(file, "sample")
        assert election.contests[0].candidates[0].candidate_name == "Renée"
        assert [unit.reporting_unit_id for unit in election.reporting_units] == ["ninos"]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", r"no column precinct, office, candidate, votes \(found: nothing\)"),
            ("county,precinct,office,candidate\nS,A,Mayor,Ada", "no column votes"),
            (HEADER, "no row of a precinct"),
            (f"{HEADER}\nS,A,Registered Voters,,,,10", "no candidate of any office"),
        ],
    )
    def test_a_file_of_another_layout_is_refused(self, tmp_path: Path, text: str, sentence: str) -> None:
        with pytest.raises(PermanentError, match=sentence):
            imported(tmp_path, text)

    def test_a_missing_date_is_asked_for(self, tmp_path: Path) -> None:
        file = tmp_path / "sample.csv"
        file.write_text(f"{HEADER}\n{rows_of('A')}\n", encoding="utf-8")
        with pytest.raises(PermanentError, match="give the election's date"):
            import_openelections(file, "sample")
        assert import_openelections(file, "sample", date=date(2024, 5, 21)).election_type == "general"
