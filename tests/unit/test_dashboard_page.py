"""Claims about the pages as their viewers see them, with made figures in place of the database."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import queries
from dashboard.connection import ResultsUnavailableError
from dashboard.contents import Areas, AreaVotes, Comparison, Integrity, Results, Turnout
from dashboard.formatting import plain
from dashboard.snapshot import Snapshot
from dashboard.tables import candidate_table
from tests.support.snapshots import ADAMS, EMPTY, MAYOR, READ_AT, RUNNING, SHERIFF, Load, answering, contest

PAGE = Path(dashboard.__file__).parent / "streamlit_app.py"
PAGES = ("results", "turnout", "areas", "integrity", "compare")
NOTHING = {
    "results": Results(),
    "turnout": Turnout(),
    "areas": Areas(("precinct",), "precinct"),
    "integrity": Integrity(),
    "compare": Comparison(),
}

Show = Callable[..., AppTest]


def away(*_: object) -> Snapshot:
    raise ResultsUnavailableError("The database at 127.0.0.1:5432 is away.")


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """Open a page over a source of figures; given what was shown before, look at the same one again."""

    def opened(
        load: Load, before: AppTest | None = None, keep_cache: bool = False, page: str = "results", **query: str
    ) -> AppTest:
        if not keep_cache:
            st.cache_resource.clear()
        monkeypatch.setattr(queries, "load", load)
        found = before or AppTest.from_file(str(PAGE), default_timeout=20)
        if page != "results":
            found.switch_page(f"views/{page}.py")
        for name, value in query.items():
            found.query_params[name] = value
        found.run()
        assert not found.exception
        return found

    yield opened
    st.cache_resource.clear()


def text_of(page: AppTest) -> str:
    parts = [*page.title, *page.header, *page.subheader, *page.markdown, *page.caption, *page.info, *page.warning]
    return "\n".join(part.value for part in parts).replace("\\", "").replace("\u2060", "")


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def column_of(page: AppTest, name: str) -> list[object]:
    """Return the first column of that name in the page's tables."""
    return next(list(table.value[name]) for table in page.dataframe if name in table.value)


def test_results_show_turnout_the_race_and_what_is_out(show: Show) -> None:
    page = show(answering())
    assert metrics_of(page) == {
        "Ballots counted": "150",
        "Registered voters": "200",
        "Turnout": "75.0%",
        "Messages not counted": "3",
        "Precincts fully counted": "1 of 2",
        "Expected ballots counted": "75.0%",
        "Ballots expected still": "50",
        "Voters without a ballot": "50",
    }
    assert column_of(page, "Votes") == [90, 60, 0]
    assert "Ann leads Bob by 30 votes (20.0 points)." in text_of(page)
    assert "To draw level, the next candidate needs 80.0% of what is still out." in text_of(page)
    assert "Not decided" in text_of(page)
    assert "How it went" in text_of(page)


def test_turnout_shows_who_came_where_how_and_when(show: Show) -> None:
    page = show(answering(), page="turnout")
    assert metrics_of(page)["Turnout"] == "75.0%"
    assert column_of(page, "Ballots") == [150, 90, 60]
    groups = page.dataframe[1].value
    assert list(groups["Note"]) == ["", "Not shown: too few people"]
    assert list(groups["Ballots"].isna()) == [False, True]


def test_areas_show_who_leads_where_and_one_of_them_by_method(show: Show) -> None:
    page = show(answering(), page="areas")
    leaders, cells = (table.value for table in page.dataframe)
    assert list(leaders["Leads"]) == ["Ann", "Bob"]
    assert list(leaders["Margin"]) == [50, 20]
    assert list(leaders["Precincts counted"]) == ["1 of 1", "0 of 1"]
    assert list(cells["Votes"]) == [70, 20, 0]


def test_integrity_accounts_for_every_message_and_says_what_agrees(show: Show) -> None:
    page = show(answering(), page="integrity")
    assert metrics_of(page) == {
        "Counted": "150",
        "Rejected by a rule": "2",
        "Quarantined": "1",
        "Empty offsets": "0",
        "Position": "153",
        "Count": "Running",
        "Messages waiting": "0",
        "Messages a second": "498",
        "Micro-batch, p50 / p95": "220 / 1,340 ms",
        "Newest ballot": "9 seconds old",
        "Cells that balance": "8 of 8",
        "Official cells reproduced": "3 of 4",
    }
    assert column_of(page, "Reason") == ["Second ballot"]
    assert column_of(page, "Why") == ["Counted twice."]
    assert column_of(page, "What was done") == ["One more is cast."]
    assert "Not verified: the log was not recounted independently yet." in text_of(page)


@pytest.mark.parametrize(
    ("verified", "told"),
    [
        (True, "came to the same figures; 3 messages were judged since."),
        (False, "NOT verified: an independent recount at"),
    ],
)
def test_a_recount_is_told_with_what_came_since(verified: bool, told: str, show: Show) -> None:
    recounted = replace(RUNNING, verified_at=READ_AT, verified_position=150, is_verified=verified)
    assert told in text_of(show(answering(health=recounted), page="integrity"))


def test_comparisons_show_the_official_figures_and_the_swing(show: Show) -> None:
    page = show(answering(), page="compare")
    official, swings = (table.value for table in page.dataframe)
    assert list(official["Difference"]) == [-1, 0]
    assert [round(points, 1) for points in swings["Swing in points"][:2]] == [5.0, -5.0]
    assert swings["Share"].isna()[2]
    assert "Compared with Adams 2016" in text_of(page)


@pytest.mark.parametrize("page", PAGES)
def test_unofficial_the_age_and_the_position_are_on_every_page(page: str, show: Show) -> None:
    told = text_of(show(answering(), page=page))
    assert "Unofficial · partial" in told
    assert "As of 02:00:00 UTC, 4 November 2020 · 7 seconds ago · position 153" in told


def test_a_tie_is_shown_as_a_tie_on_every_page_that_names_leaders(show: Show) -> None:
    results = show(answering(), contest="sheriff")
    assert "Ann and Bob are tied at 75 votes each." in text_of(results)
    assert "Tied" in text_of(results)
    assert column_of(results, "Rank") == ["=1", "=1", ""]
    tied = tuple(AreaVotes("north", "North", who, 20, 1, 1) for who in ("ann", "bob"))
    areas = show(answering(content=Areas(("precinct",), "precinct", tied)), page="areas")
    assert (column_of(areas, "Leads"), column_of(areas, "Margin")) == (["Ann and Bob"], [0])


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_election_says_on_every_page_that_nothing_is_counted_yet(page: str, show: Show) -> None:
    nobody = (contest("mayor", 0, 0),)
    found = show(answering((EMPTY,), nobody, health=None, content=NOTHING[page]), page=page)
    assert "No ballots have been counted yet." in text_of(found)
    assert "Nothing counted yet" in text_of(found)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("seconds", "colour"), [(14, None), (20, "orange"), (90, "red")])
def test_old_figures_turn_amber_then_red_on_every_page_and_say_why(
    page: str, seconds: int, colour: str | None, show: Show
) -> None:
    counted_at = READ_AT - timedelta(seconds=seconds)
    stuck = replace(RUNNING, lag_count=12, log_end=165)
    found = show(answering((replace(ADAMS, counted_at=counted_at),), health=stuck), page=page)
    age = next(each.value for each in found.markdown if "As of" in each.value.replace("\\", ""))
    assert age.startswith(f":{colour}[" if colour else "**")
    assert ("12 messages wait" in age.replace("\\", "")) == (colour is not None)


@pytest.mark.parametrize("page", PAGES)
def test_a_stopped_count_says_so_on_every_page_and_goes_on_by_itself(page: str, show: Show) -> None:
    stopped = replace(RUNNING, is_running=False, lag_count=3, ended_at=READ_AT, ended_why="stopped on request")
    found = show(answering(health=stopped), page=page)
    assert "The count has stopped while ballots wait" in text_of(found)
    assert "It said last: stopped on request." in text_of(found)
    assert "has stopped" not in text_of(show(answering(), found))


@pytest.mark.parametrize("page", PAGES)
def test_a_database_that_is_away_is_a_sentence_on_every_page_and_it_recovers_by_itself(page: str, show: Show) -> None:
    found = show(away, page=page)
    assert "The database at 127.0.0.1:5432 is away. This page tries again every two seconds." in text_of(found)
    assert "Unofficial" in text_of(found)
    assert not found.metric
    assert "position 153" in text_of(show(answering(), found))


def test_figures_seen_before_the_database_went_away_give_way_to_the_sentence(show: Show) -> None:
    page = show(away, show(answering()))
    assert "is away" in text_of(page)
    assert not page.metric


def test_certified_results_are_not_called_unofficial(show: Show) -> None:
    assert "Unofficial" not in text_of(show(answering((replace(ADAMS, status="certified"),))))


def test_a_test_election_says_so(show: Show) -> None:
    assert "Test election" in text_of(show(answering((replace(ADAMS, is_test=True),))))


@pytest.mark.parametrize("name", ["Adams <b>County</b>", "**bold** :smile: [a](b)", "مقاطعة آدامز", "Adams 🗳️ County"])
def test_whatever_a_name_holds_stays_text(name: str, show: Show) -> None:
    page = show(answering((replace(ADAMS, election_name=name),)))
    assert page.title[0].value == plain(name)


def test_without_contests_or_areas_the_pages_say_so(show: Show) -> None:
    assert "This election has no contests." in text_of(show(answering(contests=())))
    assert "This election has no contests." in text_of(show(answering(contests=()), page="areas"))
    assert "This election has no areas." in text_of(show(answering(content=Areas()), page="areas"))
    assert "This election has no contests." in text_of(show(answering(contests=()), page="compare"))


def test_an_unknown_roll_has_no_turnout_and_says_why(show: Show) -> None:
    page = show(answering((replace(ADAMS, registered_voter_count=None),)), page="turnout")
    assert metrics_of(page)["Turnout"] == "–"
    assert "registered voters is not published" in text_of(page)


@pytest.mark.parametrize("page", ["results", "areas", "compare"])
def test_choices_kept_until_the_close_say_when_they_are_shown(page: str, show: Show) -> None:
    guarded = replace(ADAMS, publish="at_close", closes_at=READ_AT + timedelta(hours=1))
    hidden = replace(MAYOR, candidates=(), vote_count=None)
    found = show(answering((guarded,), (hidden,)), page=page)
    assert "Votes are shown after the polls close at 03:00:07 UTC, 4 November 2020." in text_of(found)


def test_without_any_election_the_page_says_so_and_shows_the_first_one_by_itself(show: Show) -> None:
    page = show(answering(()))
    assert "There is no election yet" in text_of(page)
    assert metrics_of(show(answering(), page))["Ballots counted"] == "150"


def test_a_link_opens_the_election_and_contest_it_names(show: Show) -> None:
    page = show(answering(), election="york", contest="sheriff")
    assert page.title[0].value == "York"
    assert [box.value for box in page.selectbox] == ["york", "sheriff"]


def test_the_election_counted_last_is_shown_where_the_link_names_none(show: Show) -> None:
    assert show(answering()).selectbox[0].value == "adams"


def test_a_choice_is_kept_in_the_url_and_undoes_those_that_hang_on_it(show: Show) -> None:
    page = show(answering(), page="areas", level="precinct", unit="north")
    page.selectbox[1].select("sheriff").run()
    assert dict(page.query_params) == {"contest": "sheriff", "level": "precinct", "unit": "north"}
    page.selectbox[2].select("county").run()
    assert dict(page.query_params) == {"contest": "sheriff", "level": "county"}
    page.selectbox[0].select("york").run()
    assert dict(page.query_params) == {"election": "york"}


def test_a_link_to_an_unknown_election_says_so_and_offers_the_others(show: Show) -> None:
    page = show(answering(), election="<i>nowhere</i>")
    assert "There is no election “<i>nowhere</i>”" in text_of(page)
    page.selectbox[0].select("york").run()
    assert page.title[0].value == "York"


def test_fifty_viewers_cost_the_database_what_one_does(show: Show) -> None:
    reads: list[object] = []

    def counted_read(*asked: object) -> Snapshot:
        reads.append(asked)
        return answering()(*asked)

    began = monotonic()
    for _ in range(50):
        show(counted_read, keep_cache=True)
    # The shared read is made anew every 1.5 s, however many pages are opened in that time.
    assert len(reads) <= 1 + (monotonic() - began) / 1.5
    assert len(reads) < 50


def test_tables_are_offered_as_files_that_no_spreadsheet_takes_for_formulas() -> None:
    odd = replace(SHERIFF.candidates[0], candidate_name='=cmd|"/c calc"!A1', party="-DEM", margin_count=-5)
    table = candidate_table((odd,))
    header, row = table.csv.splitlines()
    assert header.startswith("Rank,Candidate,Party,Votes,Share,Margin")
    assert "\"'=cmd|" in row
    assert ",'-DEM,75," in row
    assert ",-5," in row
    (read_back,) = json.loads(table.json)
    assert (read_back["Candidate"], read_back["Votes"]) == ('=cmd|"/c calc"!A1', 75)
