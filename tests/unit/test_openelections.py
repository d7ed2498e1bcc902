"""Importing OpenElections precinct files: the two real counties."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from election_assets.domain.election import Election, Method
from election_assets.domain.figures import official_figures, place_of, replayed_figures
from election_assets.openelections import import_openelections, report_lines

FILES = Path(__file__).parents[1] / "data" / "openelections"


@pytest.fixture(scope="module")
def adams() -> Election:
    return import_openelections(FILES / "openelections_20201103_pa_adams_precinct.csv", "adams-2020")


@pytest.fixture(scope="module")
def luzerne() -> Election:
    return import_openelections(FILES / "openelections_20201103_pa_luzerne_precinct.csv", "luzerne-2020")


class TestAdams:
    def test_is_read_as_published(self, adams: Election) -> None:
        assert len(official_figures(adams)) == 5_850
        assert len(adams.precincts) == 50
        assert sum(unit.registered_voter_count or 0 for unit in adams.precincts) == 72_388 == adams.voter_count
        assert adams.methods == (Method.ELECTION_DAY, Method.MAIL, Method.PROVISIONAL)
        ballots = Counter[Method]()
        for row in adams.official_ballots:
            ballots[row.method] += row.ballot_count or 0
        assert ballots == {"total": 56_930, "election_day": 37_239, "mail": 19_084, "provisional": 607}
        assert sum(row.blank_count or 0 for row in adams.official_ballots if row.method == "total") == 4

    def test_takes_date_and_name_from_the_files_name(self, adams: Election) -> None:
        assert adams.election_date == date(2020, 11, 3)
        assert adams.election_name == "Adams County, PA: general election of 2020-11-03"

    def test_has_eight_contests_on_two_ballot_styles(self, adams: Election) -> None:
        assert [contest.contest_id for contest in adams.contests] == [
            "president", "attorney-general", "auditor-general", "state-treasurer", "us-house-13", "state-senate-33",
            "state-house-193", "state-house-91",
        ]  # fmt: skip
        assert [len(style.contest_ids) for style in adams.ballot_styles] == [7, 7]
        assert all(contest.candidates[-1].is_write_in for contest in adams.contests)

    def test_replays_four_ballots_cast_cells_with_another_figure(self, adams: Election) -> None:
        assert {(place_of(row)[1:], row.replayed_count) for row in adams.contradictions} == {
            (("carroll-valley-1", None, None, "mail"), 440),
            (("carroll-valley-1", None, None, "total"), 1_425),
            (("cumberland-2", None, None, "mail"), 259),
            (("cumberland-2", None, None, "total"), 898),
        }
        assert {row.kind for row in adams.contradictions} == {"more_votes_than_ballots"}
        assert "440 votes in U.S. House 13 on 432 ballots" in {row.found for row in adams.contradictions}

    def test_is_reported_in_plain_sentences(self, adams: Election) -> None:
        lines = report_lines(adams)
        assert "8 contests, 50 precincts, 72,388 voters on the roll, 5,850 official cells" in lines[0]
        assert lines[1].startswith("4 contradictions in the source; 4 official cells")


class TestLuzerne:
    def test_is_read_as_published(self, luzerne: Election) -> None:
        assert len(official_figures(luzerne)) == 5_028
        assert luzerne.voter_count == 220_963
        assert sum(row.ballot_count or 0 for row in luzerne.official_ballots) == 154_134
        assert luzerne.methods == (Method.TOTAL,)
        assert len(luzerne.contests) == 13

    def test_reproduces_every_cell(self, luzerne: Election) -> None:
        assert replayed_figures(luzerne) == official_figures(luzerne)

    def test_divides_the_one_split_precinct_and_says_so(self, luzerne: Election) -> None:
        (row,) = luzerne.contradictions
        assert row.kind == "split_precinct_sizes_unknown"
        assert row.precinct_id == "hazle-township-dist-01"
        assert row.found == "U.S. House 8: 62 votes, U.S. House 9: 826 votes; 1023 ballots"
        assert "135 ballots" in row.action
        parts = [one for one in luzerne.precinct_ballot_styles if one.precinct_id == row.precinct_id]
        assert len(parts) == 2
        assert sum(part.voter_count for part in parts) == 1_512

    def test_gives_each_ballot_one_district_of_an_office(self, luzerne: Election) -> None:
        offices = {contest.contest_id: contest.office for contest in luzerne.contests}
        for style in luzerne.ballot_styles:
            on_ballot = [offices[contest_id] for contest_id in style.contest_ids]
            assert len(on_ballot) == len(set(on_ballot))
        # 13 sets of contests; the split precinct's two parts are among those of its neighbours, or one more each.
        assert 12 <= len(luzerne.ballot_styles) <= 14
