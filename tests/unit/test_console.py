"""What the command line shows of results, in a terminal and in a file."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from election_assets import console
from election_assets.results import CandidateResult, ContestStanding, ElectionStanding, Results


def results(votes: int) -> Results:
    """Two contests of a night that is half counted."""
    standing = ElectionStanding(
        "night", "A night", "unofficial_partial", 100, 100, 0, 0, datetime.now(UTC), 200, 100, Decimal("0.5")
    )
    lines = [
        CandidateResult(contest_id, name, 1, "one", "[b]One[/b]", "DEM", votes, 0, votes, Decimal("0.5"), 1, {})
        for contest_id, name in (("mayor", "Mayor"), ("sheriff", "Sheriff"))
    ]
    contests = [ContestStanding(line.contest_id, 7, Decimal("0.034"), 10, 5, 1_200, False) for line in lines]
    return Results(standing, lines, contests)


def until_ctrl_c(*versions: Results) -> Iterator[Results]:
    yield from versions
    raise KeyboardInterrupt


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 150 columns, and what it was sent."""
    sent = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=sent, force_terminal=True, width=150, highlight=False))
    return sent


def test_in_a_terminal_results_are_shown_in_place_with_the_contests_side_by_side(terminal: io.StringIO) -> None:
    console.show_results_live(until_ctrl_c(results(7_001), results(7_002)))
    shown = terminal.getvalue()
    assert any("Mayor" in line and "Sheriff" in line for line in shown.splitlines())
    assert "\x1b[1A" in shown
    assert shown.rindex("7,002") > shown.rindex("7,001")


def test_a_contest_tells_its_margin_and_what_is_out(terminal: io.StringIO) -> None:
    console.show_results(results(7_001))
    assert "Margin 7 (3.4 points), not decided\n" in terminal.getvalue()
    assert "5 of 10 precincts fully counted, 1,200 ballots still out\n" in terminal.getvalue()
    assert "[b]One[/b]" in terminal.getvalue()


def test_a_contest_without_others_has_no_margin(terminal: io.StringIO) -> None:
    found = results(7_001)
    found.contests[:] = [ContestStanding(one.contest_id, None, None, 10, 10, 0, True) for one in found.contests]
    console.show_results(found)
    assert "\nDecided by arithmetic" in terminal.getvalue()
    assert "\n10 of 10 precincts fully counted\n" in terminal.getvalue()


def test_json_lines_are_one_per_value_until_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_json_lines(until_ctrl_c(results(7_001), results(7_002)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["candidates"][0]["vote_count"] for line in lines] == [7_001, 7_002]
    assert lines[0]["contests"][0]["margin_share"] == 0.034
