"""Claims about the pages over real marts: what they read, and what a browser shows of it on a wall and on a phone."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from socket import socket
from time import monotonic, sleep
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

import dashboard
from dashboard import queries
from dashboard.contents import Areas, Comparison, Integrity, Results, Turnout
from election_assets.casting import cast
from election_assets.domain.election import Election
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.browser import chromium, kept
from tests.support.elections import made_election
from tests.support.log import opened

BEFORE = generate_election("pages-2020", 1_500, seed=4, contests=2, precincts=6)
# Names as people have them, and as nobody should.
ODD = ("<b>Ann</b> & Söhne", "مريم حداد", "Bob 🗳️ =1+1")


def with_odd_names(election: Election) -> Election:
    contest, *others = election.contests
    named = [
        replace(one, candidate_name=name)
        for one, name in zip([one for one in contest.candidates if not one.is_write_in], ODD, strict=False)
    ]
    ids = {one.candidate_id for one in named}
    kept_as_they_are = [one for one in contest.candidates if one.candidate_id not in ids]
    contests = (replace(contest, candidates=(*named, *kept_as_they_are)), *others)
    return replace(election, contests=contests, baseline_election_id=BEFORE.election_id)


NOW = with_odd_names(generate_election("pages-2024", 1_500, seed=5, contests=2, precincts=6))
EMPTY = made_election("pages-empty")


@pytest.fixture(scope="module")
def night(settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None]) -> Settings:
    """Two elections counted, one half of the second, and one that nobody has voted in."""
    for election, limit in ((BEFORE, None), (NOW, 500)):
        opened(settings, election)
        cast(settings, election, limit=limit)
        count_now(election.election_id)
    opened(settings, EMPTY)
    marts()
    return settings


@pytest.fixture(autouse=True)
def _home(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTION_HOME", environment["ELECTION_HOME"])


def read(page: str, election: Election, **asked: str) -> object:
    return queries.load(page, election.election_id, **asked).content


def test_results_tell_the_race_its_progress_and_its_history(night: Settings) -> None:
    content = read("results", NOW)
    assert isinstance(content, Results)
    assert content.progress is not None
    assert content.progress.precinct_count == 6
    assert content.progress.expected_share is not None
    assert 0 < content.progress.expected_share < 1
    assert content.race is not None
    assert content.race.expected_outstanding_count
    assert {each.candidate_id for each in content.history} == {
        one.candidate_id for one in NOW.contests[0].candidates if not one.is_write_in
    }


def test_turnout_adds_up_over_methods_units_and_minutes(night: Settings) -> None:
    content = read("turnout", NOW)
    assert isinstance(content, Turnout)
    assert sum(content.ballots_by_method.values()) == 500
    assert sum(each.ballot_count for each in content.units if each.is_precinct) == 500
    assert sum(each.ballot_count for each in content.arrivals) == 500
    assert content.groups


def test_areas_add_up_to_the_contest_at_every_level(night: Settings) -> None:
    snapshot = queries.load("areas", NOW.election_id)
    assert snapshot.contest is not None
    assert isinstance(snapshot.content, Areas)
    votes = {each.candidate_id: each.vote_count for each in snapshot.contest.candidates}
    for level in snapshot.content.levels:
        content = read("areas", NOW, level=level)
        assert isinstance(content, Areas)
        by_candidate = dict.fromkeys(votes, 0)
        for each in content.votes:
            by_candidate[each.candidate_id] += each.vote_count
        assert by_candidate == votes
    (first, *_) = snapshot.content.votes
    detail = read("areas", NOW, unit_id=first.reporting_unit_id)
    assert isinstance(detail, Areas)
    assert sum(each.vote_count for each in detail.cells if each.candidate_id == first.candidate_id) == first.vote_count


def test_integrity_and_comparison_tell_what_agrees_and_what_moved(night: Settings) -> None:
    integrity = read("integrity", BEFORE)
    assert isinstance(integrity, Integrity)
    assert integrity.agreement is not None
    assert integrity.agreement.reproduced_count == integrity.agreement.official_count > 0
    comparison = read("compare", NOW)
    assert isinstance(comparison, Comparison)
    assert comparison.baseline_name
    assert any(each.points is not None for each in comparison.swings)
    assert all(each.vote_count <= each.official_vote_count for each in comparison.official)


@pytest.mark.parametrize("page", queries.PAGES)
def test_an_election_without_a_ballot_is_read_on_every_page(page: str, night: Settings) -> None:
    snapshot = queries.load(page, EMPTY.election_id)
    assert snapshot.election is not None
    assert snapshot.election.counted_at is None


@pytest.fixture(scope="module")
def address(night: Settings, environment: dict[str, str]) -> Iterator[str]:
    """Serve the pages."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = str(Path(dashboard.__file__).parent / "streamlit_app.py")
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port)], env=environment
    )
    try:
        deadline = monotonic() + 60
        while not _answers(f"http://127.0.0.1:{port}/_stcore/health"):
            assert process.poll() is None
            assert monotonic() < deadline
            sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened_browser:
        yield opened_browser


@pytest.fixture(params=[(1920, 1080), (390, 844)], ids=["wall", "phone"])
def window(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[str, Page]]:
    """A page as wide as a wall screen, and one as a phone."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    yield request.node.callspec.id, page
    page.close()


@pytest.mark.slow
def test_every_page_is_shown_and_linked_and_keeps_the_election(address: str, window: tuple[str, Page]) -> None:
    name, page = window
    size = "phone" if "phone" in name else "wall"
    # Not the one counted last, which is shown where a link names none.
    page.goto(f"{address}/?election={BEFORE.election_id}")
    for title in ("Turnout", "Areas", "Integrity", "Compare", "Results"):
        page.get_by_role("link", name=title).click(timeout=60_000)
        expect(page).to_have_url(re.compile(f"election={BEFORE.election_id}"), timeout=30_000)
        expect(page.get_by_role("link", name=title)).to_have_count(0, timeout=30_000)
        expect(page.get_by_role("heading", level=1)).to_contain_text(BEFORE.election_name, timeout=30_000)
        expect(page.get_by_text("Unofficial").first).to_be_visible()
        if title != "Integrity":
            # Nothing is wrong with this election, so that page has no table to offer.
            expect(page.get_by_role("button", name="CSV").first).to_be_visible(timeout=30_000)
        kept(page, f"page-{title.lower()}-{size}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), title


@pytest.mark.slow
def test_names_are_shown_letter_by_letter(address: str, window: tuple[str, Page]) -> None:
    _, page = window
    page.goto(f"{address}/?election={NOW.election_id}")
    shown = page.get_by_test_id("stMarkdown").filter(has_text="votes").first
    expect(shown).to_be_visible(timeout=30_000)
    assert page.locator("b").filter(has_text="Ann").count() == 0
    assert any(name in page.inner_text("body") for name in ODD)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_meets_wcag_2_aa(address: str, browser: Browser, scheme: Literal["light", "dark"]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    for name in queries.PAGES:
        page.goto(f"{address}/{'' if name == 'results' else name}?election={NOW.election_id}")
        # The last line of every page.
        expect(page.get_by_text(re.compile("^Unofficial · partial · As of"))).to_be_visible(timeout=60_000)
        kept(page, f"page-{name}-{scheme}")
        found = Axe().run(page, options=rules)
        assert not found.response["violations"], f"{name}: {found.generate_report()}"
        assert "color-contrast" in {each["id"] for each in found.response["passes"]}
    page.close()


@pytest.mark.slow
def test_a_page_and_an_election_are_chosen_by_keyboard_alone(address: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/?election={BEFORE.election_id}")
    expect(page.get_by_role("combobox", name=re.compile("Election")).first).to_be_visible(timeout=60_000)
    reach(page, page.get_by_role("link", name="Turnout"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/turnout.*election={BEFORE.election_id}"), timeout=30_000)
    picker = page.get_by_role("combobox", name=re.compile("Election")).first
    expect(picker).to_be_visible(timeout=30_000)
    reach(page, picker)
    page.keyboard.type("pages-empty")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(EMPTY.election_name, timeout=30_000)
    page.close()


def reach(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("node => node === document.activeElement || node.contains(document.activeElement)"):
            return
    raise AssertionError(f"{target} is not reached by Tab.")
