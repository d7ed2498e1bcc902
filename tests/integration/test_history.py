"""Claims about the history of a night: snapshots, corrections and changes of the lead, all as they were scripted."""

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from dashboard import queries
from dashboard.standing import standing
from election_assets.corrections import Adjustment, Status, adjust, mark
from election_assets.counting import keep_totals, reset_election
from election_assets.dbt import dbt_environment, run_dbt
from election_assets.domain.election import Method
from election_assets.errors import PermanentError
from election_assets.registry import register
from election_assets.results import PastStanding, read_results_as_of
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.log import appended, opened

pytestmark = pytest.mark.slow

ELECTION = made_election("scripted", voters_each=60)
NORTH = [voter for voter in roll_of(ELECTION) if voter.precinct_id == "north"]
SOUTH = [voter for voter in roll_of(ELECTION) if voter.precinct_id == "south" and voter.ballot_style_id == "full"]
CORRECTION = Adjustment(
    "tape-7", "mayor", "bob", "north", Method.ELECTION_DAY, -3, "Counted twice on the tape.", "Board of elections"
)

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def night(settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None]) -> Settings:
    """A night in five steps: a lead, a tie, a late precinct that turns it, and two corrections that turn it back."""
    opened(settings, ELECTION)
    cast_for(settings, NORTH[:20], ["ann"] * 12 + ["bob"] * 8)
    count_now(ELECTION.election_id)
    refresh(settings)
    cast_for(settings, NORTH[20:24], ["bob"] * 4)
    count_now(ELECTION.election_id)
    cast_for(settings, SOUTH[:10], ["bob"] * 10)
    count_now(ELECTION.election_id)
    refresh(settings)
    assert adjust(settings.conninfo("registrar"), ELECTION.election_id, CORRECTION)
    assert not adjust(settings.conninfo("registrar"), ELECTION.election_id, CORRECTION)
    refresh(settings)
    found_later = replace(
        CORRECTION, adjustment_id="box-2", candidate_id="ann", vote_change=8, reason="A box was found."
    )
    adjust(settings.conninfo("registrar"), ELECTION.election_id, found_later)
    refresh(settings)
    return settings


def cast_for(settings: Settings, voters: Any, choices: list[str]) -> None:
    ballots = zip(voters, choices, strict=True)
    appended(settings, ELECTION.election_id, [draft(ELECTION, one, {"mayor": [to]}).message() for one, to in ballots])


def refresh(settings: Settings, *options: str) -> None:
    run_dbt(["run", "--selector", "history", *options], {**os.environ, **dbt_environment(settings)})


def read(settings: Settings, query: str) -> Rows:
    with psycopg.connect(settings.conninfo("reader")) as connection:
        return connection.execute(query.encode(), {"election": ELECTION.election_id}).fetchall()


TOTALS = """
select
    array_agg(vote_count order by candidate_id), array_agg(adjusted_vote_count order by candidate_id),
    array_agg(change_count order by candidate_id), bool_or(has_fallen)
from marts.fct_results_history where election_id = %(election)s and contest_id = 'mayor' and recount = 0
group by as_of_at order by as_of_at
"""
CHANGES = """
select leader_ids, tied_ids, previous_leader_ids from marts.fct_lead_changes
where election_id = %(election)s and contest_id = 'mayor' and recount = 0 order by changed_at
"""
ALL_OF_IT = "select * from marts.{} where election_id = %(election)s order by 1, 2, 3, 4"


def test_history_is_what_was_scripted(night: Settings) -> None:
    assert read(night, TOTALS) == [
        ([12, 8, 0], [12, 8, 0], [None, None, None], False),
        ([12, 12, 0], [12, 12, 0], [0, 4, 0], False),
        ([12, 22, 0], [12, 22, 0], [0, 10, 0], False),
        ([12, 22, 0], [12, 19, 0], [0, -3, 0], True),
        ([12, 22, 0], [20, 19, 0], [8, 0, 0], False),
    ]


def test_the_lead_changes_as_scripted(night: Settings) -> None:
    assert read(night, CHANGES) == [
        ("ann", None, None),
        (None, "ann, bob", "ann"),
        ("bob", None, None),
        ("ann", None, "bob"),
    ]


def test_corrections_stand_beside_the_raw_tally(night: Settings) -> None:
    rows = read(
        night,
        "select candidate_id, vote_count, adjustment_count, adjusted_vote_count, rank, is_leading"
        " from marts.fct_contest_results where election_id = %(election)s and contest_id = 'mayor' order by 1",
    )
    assert rows == [("ann", 12, 8, 20, 1, True), ("bob", 22, -3, 19, 2, False), ("cleo", 0, 0, 0, 3, False)]
    listed = read(
        night,
        "select adjustment_id, vote_change, reason, adjusted_by from marts.fct_adjustments"
        " where election_id = %(election)s order by adjusted_at",
    )
    assert listed == [
        ("tape-7", -3, "Counted twice on the tape.", "Board of elections"),
        ("box-2", 8, "A box was found.", "Board of elections"),
    ]


def test_results_are_shown_as_they_stood_at_each_moment(night: Settings) -> None:
    moments = "select distinct as_of_at from marts.fct_results_history where election_id = %(election)s order by 1"
    stood = []
    for (moment,) in read(night, moments):
        # A moment later it is still so.
        found = read_results_as_of(night, ELECTION.election_id, moment + timedelta(microseconds=1))
        assert isinstance(found.standing, PastStanding)
        assert found.standing.as_of_at == moment
        lines = [one for one in found.candidates if one.contest_id == "mayor"]
        stood.append([(one.candidate_id, one.adjusted_vote_count, one.rank) for one in lines])
    assert stood == [
        [("ann", 12, 1), ("bob", 8, 2), ("cleo", 0, 3)],
        [("ann", 12, 1), ("bob", 12, 1), ("cleo", 0, 3)],
        [("bob", 22, 1), ("ann", 12, 2), ("cleo", 0, 3)],
        [("bob", 19, 1), ("ann", 12, 2), ("cleo", 0, 3)],
        [("ann", 20, 1), ("bob", 19, 2), ("cleo", 0, 3)],
    ]


def test_a_moment_before_the_history_is_a_sentence(night: Settings) -> None:
    long_ago = datetime(2020, 11, 3, tzinfo=UTC)
    with pytest.raises(PermanentError, match=r"begins at .*, after 2020-11-03 00:00:00 UTC"):
        read_results_as_of(night, ELECTION.election_id, long_ago)
    with pytest.raises(PermanentError, match="The marts have no election 'nowhere'"):
        read_results_as_of(night, "nowhere", long_ago)
    register(night.conninfo("registrar"), made_election("never-counted"))
    with pytest.raises(PermanentError, match="Nothing of 'never-counted' is in the history yet"):
        read_results_as_of(night, "never-counted", datetime.now(UTC))


def test_the_command_line_shows_corrections_and_the_past(night: Settings, environment: dict[str, str]) -> None:
    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "election_assets", "results", ELECTION.election_id, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    now = said()
    assert now.returncode == 0, now.stderr
    assert re.search(r"1 +Ann +20 +51\.3% +12 +\+8", now.stdout), now.stdout
    (before,) = read(night, TOTALS.replace("array_agg(vote_count", "as_of_at, array_agg(vote_count"))[:1]
    then = said("--as-of", before[0].isoformat())
    assert re.search(r"1 +Ann +12 +60\.0%\s", then.stdout), then.stdout
    assert "Corrections" not in then.stdout
    assert then.stdout.splitlines()[-1].startswith("As of ")
    rows = list(csv.DictReader(io.StringIO(said("--format", "csv").stdout)))
    ann = next(row for row in rows if row["candidate_id"] == "ann")
    assert [ann[name] for name in ("vote_count", "adjustment_count", "adjusted_vote_count")] == ["12", "8", "20"]
    wrong = said("--as-of", "yesterday")
    assert wrong.returncode == 2
    assert "'yesterday' is no time of ISO 8601" in " ".join(wrong.stderr.replace("│", " ").split())


def test_the_page_shows_corrections(
    night: Settings, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTION_HOME", environment["ELECTION_HOME"])
    snapshot = queries.load("results", ELECTION.election_id, "mayor")
    mayor = snapshot.contest
    assert mayor is not None
    shown = [(one.candidate_id, one.vote_count, one.adjustment_count) for one in mayor.candidates]
    assert shown == [("ann", 20, 8), ("bob", 19, -3), ("cleo", 0, 0)]
    assert standing(mayor) == "Ann leads Bob by 1 vote (2.6 points)."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"vote_change": -4}, "was made before with other contents"),
        ({"adjustment_id": "two words"}, "is no id for an adjustment"),
        ({"adjustment_id": "new", "vote_change": 0}, "changes nothing"),
        ({"adjustment_id": "new", "reason": " "}, "has no reason"),
        ({"adjustment_id": "new", "adjusted_by": ""}, "has no adjusted_by"),
        ({"adjustment_id": "new", "candidate_id": "dan"}, "has no votes for 'dan'"),
        ({"adjustment_id": "new", "method": Method.EARLY}, "has no votes for 'bob'"),
    ],
)
def test_an_adjustment_that_cannot_be_is_refused(night: Settings, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(PermanentError, match=told):
        adjust(night.conninfo("registrar"), ELECTION.election_id, replace(CORRECTION, **changes))


def test_what_is_not_open_can_be_neither_adjusted_nor_marked(night: Settings) -> None:
    with pytest.raises(PermanentError, match="is not open"):
        adjust(night.conninfo("registrar"), "nowhere", CORRECTION)
    with pytest.raises(PermanentError, match="has no election 'nowhere'"):
        mark(night.conninfo("registrar"), "nowhere", Status.CERTIFIED)


def test_an_adjustment_stays_as_it_was_made(night: Settings) -> None:
    with (
        psycopg.connect(night.conninfo("owner")) as connection,
        pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="take one back with another"),
    ):
        connection.execute("update registry.adjustments set vote_change = 1")


def test_the_status_is_the_counts_until_the_office_says_another(night: Settings) -> None:
    status = "select status from marts.dim_elections where election_id = %(election)s"
    assert read(night, status) == [("unofficial_partial",)]
    mark(night.conninfo("registrar"), ELECTION.election_id, Status.CERTIFIED)
    assert read(night, status) == [("certified",)]
    mark(night.conninfo("registrar"), ELECTION.election_id, Status.PRE_ELECTION)
    assert read(night, status) == [("unofficial_partial",)]


def test_made_anew_the_history_is_the_same_also_after_a_reset(
    night: Settings, count_now: Callable[..., CountFigures]
) -> None:
    before = {mart: read(night, ALL_OF_IT.format(mart)) for mart in ("fct_results_history", "fct_lead_changes")}
    refresh(night, "--full-refresh")
    assert {mart: read(night, ALL_OF_IT.format(mart)) for mart in before} == before
    assert reset_election(night, ELECTION.election_id) == 1
    refresh(night)
    count_now(ELECTION.election_id)
    keep_totals(night, ELECTION.election_id)
    refresh(night)
    grown = {mart: read(night, ALL_OF_IT.format(mart)) for mart in before}
    for mart, rows in before.items():
        assert [row for row in grown[mart] if row in rows] == rows
    latest = read(
        night,
        "select adjusted_vote_count, recount from marts.fct_results_history where election_id = %(election)s"
        " and contest_id = 'mayor' order by as_of_at desc, candidate_id limit 3",
    )
    assert latest == [(20, 1), (19, 1), (0, 1)]
    refresh(night, "--full-refresh")
    assert {mart: read(night, ALL_OF_IT.format(mart)) for mart in before} == grown
