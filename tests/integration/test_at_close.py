"""Claims about an election that publishes at its close: before it nobody reads a choice, then everybody does."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from election_assets.corrections import Adjustment, adjust
from election_assets.domain.election import Election, Method, Publish
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.topic import latest_value
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.log import appended, opened

# Whatever of these a row has, it tells how somebody voted, or how many did in what way.
CHOICES = {
    "vote_count",
    "adjustment_count",
    "adjusted_vote_count",
    "vote_change",
    "vote_share",
    "rank",
    "is_tied",
    "is_leading",
    "was_leading",
    "margin_count",
    "margin_share",
    "change_count",
    "has_fallen",
    "leader_ids",
    "tied_ids",
    "previous_leader_ids",
    "can_be_overtaken",
    "needed_share",
    "can_quarantined_change_it",
    "is_decided",
    "undervote_count",
    "overvote_count",
    "blank_count",
    "is_balanced",
    "difference_count",
    "is_reproduced",
}
# The rest: names, keys, hours, the roll, how many voted and how the count goes.
OTHERS = {
    "position", "counted_count", "rejected_count", "quarantined_count", "hole_count", "recount", "message_count",
    "registered_voter_count", "precinct_count", "contest_count", "candidate_count", "votes_allowed", "contest_number",
    "candidate_number", "ballot_count", "turnout_share", "none_count", "some_count", "all_count",
    "expected_ballot_count", "expected_share", "seat_count", "outstanding_count", "expected_outstanding_count",
    "countable_count", "contradiction_number", "replayed_count", "official_vote_count", "log_end", "lag_count",
    "batch_p50_ms", "batch_p95_ms", "messages_per_second", "newest_ballot_seconds", "verified_position", "is_test",
    "is_open", "is_precinct", "is_write_in", "is_complete", "is_running", "is_verified", "is_suppressed",
}  # fmt: skip
_WAITS = timedelta(seconds=20)


def polls(election_id: str, closes_in: timedelta) -> Election:
    now = datetime.now(UTC)
    return made_election(
        election_id, publish=Publish.AT_CLOSE, opens_at=now - timedelta(hours=1), closes_at=now + closes_in
    )


def vote(settings: Settings, election: Election) -> None:
    """Let ten voters vote for one, and correct one vote."""
    opened(settings, election)
    ballots = [draft(election, voter, {"mayor": ["ann"]}).message() for voter in roll_of(election)[:10]]
    appended(settings, election.election_id, ballots)
    correction = Adjustment("one", "mayor", "bob", "north", Method.MAIL, 1, "A late envelope.", "Board of elections")
    adjust(settings.conninfo("registrar"), election.election_id, correction)


@pytest.fixture(scope="module")
def night(settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None]) -> Settings:
    """Two elections that publish at their close: the polls of one are open, those of the other have closed."""
    closes = polls("closed-polls", _WAITS)
    vote(settings, closes)
    vote(settings, polls("open-polls", timedelta(hours=1)))
    assert closes.closes_at is not None
    time.sleep(max(0.0, (closes.closes_at - datetime.now(UTC)).total_seconds()) + 0.5)
    for election_id in ("closed-polls", "open-polls"):
        assert count_now(election_id).counted == 10
    marts()
    return settings


@pytest.fixture(scope="module")
def columns(night: Settings) -> list[tuple[str, str, str]]:
    """Return mart, column and type of all that tells more than names and times."""
    with psycopg.connect(night.conninfo("owner")) as connection:
        rows = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns where table_schema = 'marts'"
        ).fetchall()
    return [row for row in rows if row[2] in ("bigint", "integer", "numeric", "boolean") or row[1] in CHOICES]


def test_every_column_is_known_to_tell_a_choice_or_not(columns: list[tuple[str, str, str]]) -> None:
    assert {column for _, column, _ in columns} == CHOICES | OTHERS


def test_no_mart_tells_a_choice_before_the_close_and_all_do_after(
    night: Settings, columns: list[tuple[str, str, str]]
) -> None:
    told: dict[str, set[str]] = {"open-polls": set(), "closed-polls": set()}
    with psycopg.connect(night.conninfo("reader")) as connection:
        for mart, column, _ in columns:
            if column in CHOICES:
                query = f"select distinct election_id from marts.{mart} where {column} is not null"
                for (election_id,) in connection.execute(query.encode()):
                    told.setdefault(election_id, set()).add(mart)
    assert told["open-polls"] == set()
    assert told["closed-polls"] == {mart for mart, column, _ in columns if column in CHOICES}


def test_turnout_is_told_before_the_close_too(night: Settings) -> None:
    with psycopg.connect(night.conninfo("reader")) as connection:
        rows = connection.execute(
            "select distinct election_id, ballot_count from marts.fct_turnout"
            " where election_id in ('open-polls', 'closed-polls') and reporting_unit_id = 'county' order by 1"
        ).fetchall()
    assert rows == [("closed-polls", 10), ("open-polls", 10)]


def test_the_results_topic_is_silent_before_the_close(night: Settings) -> None:
    def total(election_id: str) -> bytes | None:
        return latest_value(night.kafka, night.results_topic, f"{election_id}/mayor/ann".encode())

    assert total("open-polls") is None
    assert json.loads(total("closed-polls") or b"{}")["total_votes"] == 10
