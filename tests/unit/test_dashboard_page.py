"""Claims about the results page as its viewer sees it, with made figures in place of the database."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import queries
from dashboard.connection import ResultsUnavailableError
from dashboard.formatting import plain
from dashboard.snapshot import Candidate, Contest, Election, Snapshot, Turnout, UncountedMessages, chosen_election

PAGE = Path(dashboard.__file__).parent / "streamlit_app.py"
READ_AT = datetime(2020, 11, 4, 2, 0, 7, tzinfo=UTC)

ADAMS = Election(
    election_id="adams",
    election_name="Adams <b>County</b>",
    election_date=date(2020, 11, 3),
    election_type="general",
    status="unofficial_partial",
    is_test=False,
    closes_at=None,
    publish="live",
    registered_voter_count=200,
    precinct_count=2,
    contest_count=2,
    position=153,
    counted_count=150,
    rejected_count=2,
    quarantined_count=1,
    hole_count=0,
    counted_at=READ_AT - timedelta(seconds=7),
)
YORK = replace(ADAMS, election_id="york", election_name="York", counted_at=READ_AT - timedelta(days=1))

Show = Callable[..., AppTest]


def candidate(contest_id: str, name: str, votes: int, total: int, rank: int | None, is_tied: bool = False) -> Candidate:
    share = votes / total if total else None
    methods = {"election_day": votes, "mail": 0}
    return Candidate(contest_id, name.lower(), name, None, rank is None, votes, share, rank, is_tied, None, methods)


def contest(contest_id: str, ann: int, bob: int) -> Contest:
    total = ann + bob
    candidates = (
        candidate(contest_id, "Ann", ann, total, 1, is_tied=ann == bob),
        candidate(contest_id, "Bob", bob, total, 1 if ann == bob else 2, is_tied=ann == bob),
        candidate(contest_id, "Write-ins", 0, total, None),
    )
    return Contest(contest_id, contest_id.title(), 1, total, total, 0, 0, candidates)


FULL = Snapshot(
    read_at=READ_AT,
    elections=(ADAMS, YORK),
    election=ADAMS,
    contests=(contest("mayor", 90, 60), contest("sheriff", 75, 75)),
    ballots_by_method={"election_day": 100, "mail": 50},
    precincts=(Turnout("North", "Adams", 100, 90, 0.9), Turnout("South", "Adams", 100, 60, 0.6)),
    uncounted=(UncountedMessages("rejected", "second_ballot", "The voter’s ballot is already counted.", 2),),
)


def answering(snapshot: Snapshot) -> Callable[[str | None], Snapshot]:
    def load(election_id: str | None) -> Snapshot:
        election = chosen_election(snapshot.elections, election_id)
        return replace(snapshot, election=election) if election else Snapshot(READ_AT, snapshot.elections)

    return load


def away(_: str | None) -> Snapshot:
    raise ResultsUnavailableError("The database at 127.0.0.1:5432 is away.")


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """Open the page over a source of figures; without a page, look at the same one again."""

    def shown(
        load: Callable[[str | None], Snapshot], page: AppTest | None = None, keep_cache: bool = False, **query: str
    ) -> AppTest:
        if not keep_cache:
            st.cache_data.clear()
        monkeypatch.setattr(queries, "load", load)
        page = page or AppTest.from_file(str(PAGE), default_timeout=20)
        for name, value in query.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    yield shown
    st.cache_data.clear()


def text_of(page: AppTest) -> str:
    parts = [*page.title, *page.header, *page.subheader, *page.markdown, *page.caption, *page.info]
    return "\n".join(part.value for part in parts).replace("\\", "").replace("\u2060", "")


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_the_page_shows_turnout_results_and_every_message(show: Show) -> None:
    page = show(answering(FULL))
    assert metrics_of(page) == {
        "Ballots counted": "150",
        "Registered voters": "200",
        "Turnout": "75.0%",
        "Messages not counted": "3",
        "Counted": "150",
        "Rejected by a rule": "2",
        "Quarantined": "1",
        "Empty offsets": "0",
        "Position": "153",
    }
    candidates, precincts, uncounted = (table.value for table in page.dataframe)
    assert list(candidates["Votes"]) == [90, 60, 0]
    assert list(precincts["Ballots"]) == [90, 60]
    assert list(uncounted["Reason"]) == ["Second ballot"]
    assert "Ann leads Bob by 30 votes (20.0 points)." in text_of(page)


def test_unofficial_the_age_and_the_position_are_on_the_page(show: Show) -> None:
    shown = text_of(show(answering(FULL)))
    assert "Unofficial · partial" in shown
    assert "As of 02:00:00 UTC, 4 November 2020 · 7 seconds ago · position 153" in shown


def test_certified_results_are_not_called_unofficial(show: Show) -> None:
    certified = replace(ADAMS, status="certified")
    assert "Unofficial" not in text_of(show(answering(replace(FULL, elections=(certified,)))))


def test_a_test_election_says_so(show: Show) -> None:
    rehearsal = replace(ADAMS, is_test=True)
    assert "Test election" in text_of(show(answering(replace(FULL, elections=(rehearsal,)))))


def test_a_tie_is_shown_as_a_tie(show: Show) -> None:
    page = show(answering(FULL), contest="sheriff")
    assert "Ann and Bob are tied at 75 votes each." in text_of(page)
    assert list(page.dataframe[0].value["Rank"]) == ["=1", "=1", ""]


def test_markup_in_a_name_stays_text(show: Show) -> None:
    assert show(answering(FULL)).title[0].value == plain("Adams <b>County</b>")


def test_an_empty_election_says_that_nothing_is_counted_yet(show: Show) -> None:
    empty = replace(ADAMS, position=0, counted_count=0, rejected_count=0, quarantined_count=0, counted_at=None)
    page = show(
        answering(
            Snapshot(
                READ_AT,
                (empty,),
                contests=(contest("mayor", 0, 0),),
                ballots_by_method={"mail": 0},
                precincts=(Turnout("North", "Adams", 100, 0, 0.0),),
            )
        )
    )
    assert "No ballots have been counted yet." in text_of(page)
    assert "No votes are counted in this contest yet." in text_of(page)
    assert metrics_of(page)["Turnout"] == "0.0%"


def test_an_unknown_roll_has_no_turnout_and_says_why(show: Show) -> None:
    unknown = replace(ADAMS, registered_voter_count=None)
    page = show(answering(replace(FULL, elections=(unknown,))))
    assert metrics_of(page)["Turnout"] == "–"
    assert "registered voters is not published" in text_of(page)


def test_choices_kept_until_the_close_say_when_they_are_shown(show: Show) -> None:
    guarded = replace(ADAMS, publish="at_close", closes_at=READ_AT + timedelta(hours=1))
    hidden = replace(FULL.contests[0], candidates=(), vote_count=None)
    page = show(answering(replace(FULL, elections=(guarded,), contests=(hidden,))))
    assert "Votes are shown after the polls close at 03:00:07 UTC, 4 November 2020." in text_of(page)
    assert metrics_of(page)["Turnout"] == "75.0%"


def test_without_any_election_the_page_says_so_and_shows_the_first_one_by_itself(show: Show) -> None:
    page = show(answering(Snapshot(READ_AT, ())))
    assert "There is no election yet" in text_of(page)
    assert metrics_of(show(answering(FULL), page))["Ballots counted"] == "150"


def test_a_database_that_is_away_is_a_sentence_and_the_page_recovers_by_itself(show: Show) -> None:
    page = show(away)
    assert "The database at 127.0.0.1:5432 is away. This page tries again every two seconds." in text_of(page)
    assert "Unofficial" in text_of(page)
    assert metrics_of(show(answering(FULL), page))["Ballots counted"] == "150"


def test_figures_seen_before_the_database_went_away_give_way_to_the_sentence(show: Show) -> None:
    page = show(away, show(answering(FULL)))
    assert "is away" in text_of(page)
    assert not page.metric


def test_a_link_opens_the_election_and_contest_it_names(show: Show) -> None:
    page = show(answering(FULL), election="york", contest="sheriff")
    assert page.title[0].value == "York"
    assert [box.value for box in page.selectbox] == ["york", "sheriff"]


def test_the_election_counted_last_is_shown_where_the_link_names_none(show: Show) -> None:
    assert show(answering(FULL)).selectbox[0].value == "adams"


def test_a_choice_is_kept_in_the_url(show: Show) -> None:
    page = show(answering(FULL))
    page.selectbox[1].select("sheriff").run()
    assert page.query_params["contest"] == "sheriff"
    page.selectbox[0].select("york").run()
    assert dict(page.query_params) == {"election": "york"}
    assert page.title[0].value == "York"


def test_a_link_to_an_unknown_election_says_so_and_offers_the_others(show: Show) -> None:
    page = show(answering(FULL), election="<i>nowhere</i>")
    assert "There is no election “<i>nowhere</i>”" in text_of(page)
    page.selectbox[0].select("york").run()
    assert page.title[0].value == "York"


def test_many_viewers_share_one_read(show: Show) -> None:
    reads: list[str | None] = []

    def counted_read(election_id: str | None) -> Snapshot:
        reads.append(election_id)
        return answering(FULL)(election_id)

    started = monotonic()
    for _ in range(6):
        show(counted_read, keep_cache=True)
    # The shared read is made anew every 1.5 s, however many pages are opened in that time.
    assert len(reads) <= 1 + (monotonic() - started) / 1.5
