"""Claims about who gets a count: every open election that waits and that nobody counts, and each decision says why."""

import pytest

from election_assets.supervision import Failures, Phase, RunUnderWay, Standing, decide


def standing(lag: int = 7, run_id: str | None = None, silent: float = 0.0, is_ended: bool = False) -> Standing:
    return Standing("springfield", 100, lag, run_id, silent, is_ended)


def under_way(phase: Phase, seconds: float = 1.0, worker: bool | None = None, run_id: str = "r1") -> RunUnderWay:
    return RunUnderWay(run_id, phase, seconds, worker)


def test_an_election_with_nothing_to_judge_gets_no_count() -> None:
    assert not decide(standing(lag=0), [], Failures()).starts


def test_an_election_that_waits_gets_one_whoever_asked_before() -> None:
    assert decide(standing(), [], Failures()).starts
    assert decide(standing(run_id="earlier", silent=9.0, is_ended=True), [], Failures()).starts


def test_a_log_shorter_than_its_ledger_gets_a_count_which_then_refuses_it() -> None:
    assert decide(standing(lag=-3), [], Failures()).starts


def test_an_election_that_a_live_run_counts_gets_no_other() -> None:
    decision = decide(standing(run_id="r1", silent=14.0), [], Failures())
    assert not decision.starts
    assert decision.why == "7 messages wait; run r1 is counting"


def test_a_silent_run_without_a_run_of_dagster_is_taken_over_from() -> None:
    assert decide(standing(run_id="cli-1", silent=16.0), [], Failures()).starts


def test_a_heartbeat_of_a_time_to_come_keeps_no_run_alive() -> None:
    assert decide(standing(run_id="cli-1", silent=-7200.0), [], Failures()).starts


@pytest.mark.parametrize(
    "run",
    [
        under_way(Phase.QUEUED, seconds=3600),
        under_way(Phase.STARTING, seconds=59),
        under_way(Phase.STARTING, seconds=600, worker=True),
        under_way(Phase.STARTED, seconds=600, worker=True),
        under_way(Phase.STARTED, seconds=600),
    ],
)
def test_a_run_on_its_way_is_waited_for(run: RunUnderWay) -> None:
    decision = decide(standing(), [run], Failures())
    assert not decision.starts
    assert f"run r1 is {run.phase}" in decision.why


@pytest.mark.parametrize(
    ("run", "its_standing"),
    [
        (under_way(Phase.STARTED, worker=False), standing()),
        (under_way(Phase.STARTING, worker=False), standing()),
        (under_way(Phase.STARTING, seconds=61), standing()),
        (under_way(Phase.STARTED, worker=True), standing(run_id="r1", silent=16.0)),
        (under_way(Phase.STARTED), standing(run_id="r1", silent=16.0)),
    ],
)
def test_a_dead_run_is_failed_and_replaced(run: RunUnderWay, its_standing: Standing) -> None:
    decision = decide(its_standing, [run], Failures(count=5))
    assert decision.starts
    assert decision.replaces == ["r1"]


def test_a_run_that_lives_beside_a_dead_one_is_waited_for() -> None:
    runs = [under_way(Phase.STARTED, worker=False), under_way(Phase.QUEUED, run_id="r2")]
    assert not decide(standing(), runs, Failures()).starts


def test_failures_are_followed_by_longer_and_longer_waits_but_never_a_minute() -> None:
    assert decide(standing(), [], Failures(1, 2.0)).starts
    assert not decide(standing(), [], Failures(1, 1.9)).starts
    assert not decide(standing(), [], Failures(3, 9.9)).starts
    assert "99 counts failed" in decide(standing(), [], Failures(99, 14.9)).why
    assert decide(standing(), [], Failures(99, 15.0)).starts


def test_a_refusal_stops_the_attempts_and_says_so_until_it_no_longer_holds() -> None:
    failures = Failures(1, 3600.0, "Topic 'x' has retention.ms=1.")
    assert decide(standing(), [], failures).why.endswith("the count refuses: Topic 'x' has retention.ms=1.")
    assert decide(standing(), [], failures.refused(None)).starts
