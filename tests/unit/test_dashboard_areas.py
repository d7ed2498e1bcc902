"""Claims about who leads in an area, and about the age of figures."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboard.contents import AreaVotes
from dashboard.figures import area_multiples, swing_bars
from dashboard.freshness import Level, freshness, has_stopped
from dashboard.leaders import leaders_of
from dashboard.snapshot import Health, Snapshot
from tests.support.snapshots import ADAMS, COUNTED_AT, MAYOR, READ_AT, RUNNING


def votes(area: str, ann: int, bob: int, write_ins: int = 0) -> list[AreaVotes]:
    named = {"ann": ann, "bob": bob, "write-ins": write_ins}
    return [AreaVotes(area, area.title(), who, count, 1, 1) for who, count in named.items()]


def test_an_area_is_led_by_who_has_most_votes_in_it_and_never_by_write_ins() -> None:
    (north,) = leaders_of(MAYOR, votes("north", 10, 30, write_ins=60))
    assert (north.leaders, north.margin_count, north.vote_count) == (("Bob",), 20, 100)
    assert north.margin_share == pytest.approx(0.2)


def test_those_tied_in_an_area_are_all_named() -> None:
    (north,) = leaders_of(MAYOR, votes("north", 10, 10))
    assert (north.leaders, north.margin_count) == (("Ann", "Bob"), 0)


def test_an_area_without_votes_has_no_leader() -> None:
    (north,) = leaders_of(MAYOR, votes("north", 0, 0))
    assert (north.leaders, north.margin_count, north.margin_share) == ((), 0, None)


def test_two_places_are_led_by_two() -> None:
    (north,) = leaders_of(replace(MAYOR, votes_allowed=2), votes("north", 10, 5))
    assert (north.leaders, north.margin_count) == (("Ann", "Bob"), None)


def test_the_largest_areas_are_drawn_and_nothing_where_there_is_nothing_to_compare() -> None:
    many = [line for number in range(20) for line in votes(f"p{number:02}", number, 1)]
    drawn = area_multiples(MAYOR, many, "#000000")
    assert drawn is not None
    assert set(drawn.data["area"]) == {f"P{number:02}" for number in range(8, 20)}
    assert area_multiples(MAYOR, votes("north", 10, 5), "#000000") is None
    assert swing_bars([], "#000000") is None


def aged(health: Health | None, seconds: float, **changes: object) -> tuple[Level, str]:
    election = replace(ADAMS, counted_at=READ_AT - timedelta(seconds=seconds), **changes)
    found = freshness(Snapshot(READ_AT, (election,), election, health), election)
    return found.level, found.reason


def test_figures_are_fresh_while_the_count_sees_that_nothing_waits() -> None:
    assert aged(RUNNING, 3600) == (Level.FRESH, "")


def test_figures_grow_old_where_the_count_ended() -> None:
    ended = replace(RUNNING, is_running=False, log_end_at=READ_AT - timedelta(seconds=61), ended_at=COUNTED_AT)
    assert aged(ended, 100) == (Level.RED, "The count has ended; what came in since is not known.")


def test_complete_and_certified_results_do_not_grow_old_unless_ballots_wait() -> None:
    ended = replace(RUNNING, is_running=False, log_end_at=READ_AT - timedelta(days=3), ended_at=COUNTED_AT)
    assert aged(ended, 300_000, status="certified") == (Level.AT_REST, "")
    assert aged(ended, 300_000, status="unofficial_complete")[0] is Level.AT_REST
    waiting = replace(ended, lag_count=2)
    assert aged(waiting, 300_000, status="certified") == (Level.RED, "The count has stopped while 2 messages wait.")
    assert has_stopped(waiting)
    assert not has_stopped(ended)


def test_a_count_that_runs_without_committing_is_told_from_one_that_does_not_reach_the_log() -> None:
    assert "committed nothing for 20 seconds; 1 message wait" in aged(replace(RUNNING, lag_count=1), 20)[1]
    cut_off = replace(RUNNING, log_end_at=READ_AT - timedelta(seconds=20))
    assert aged(cut_off, 30) == (Level.AMBER, "The count runs, but does not reach the log.")
    assert aged(None, 30) == (Level.AMBER, "How the count goes is not known.")
