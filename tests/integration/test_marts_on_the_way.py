"""Claims about the marts at each point of a count: at 0, 1, 50, 99 and 100 % they say what plain counting comes to."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from election_assets.casting import cast
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.log import opened

ELECTION = generate_election("on-the-way", 3_000, seed=11, contests=3, precincts=12)
BALLOTS = [json.loads(value) for _, value in messages(ELECTION)]
EXPECTED = Counter[str]()
for official in ELECTION.official_ballots:
    EXPECTED[official.precinct_id] += official.ballot_count or 0
SEATS = {contest.contest_id: contest.votes_allowed for contest in ELECTION.contests}
NAMED = {
    contest.contest_id: [one.candidate_id for one in contest.candidates if not one.is_write_in]
    for contest in ELECTION.contests
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Point:
    """The marts at one point of the count, and the ballots that are counted until there."""

    marts: dict[str, Rows]
    ballots: list[dict[str, Any]]

    def votes(self) -> Counter[tuple[str, str]]:
        """Return votes by contest and candidate, counted one after the other."""
        return Counter(
            (contest, one) for ballot in self.ballots for contest, ones in ballot["selections"].items() for one in ones
        )


MARTS = (
    "fct_area_results",
    "fct_ballots_over_time",
    "fct_contest_results",
    "fct_race_status",
    "fct_reconciliation",
    "fct_reporting_progress",
)


@pytest.fixture(scope="module")
def built(settings: Settings, marts: Callable[[], None]) -> None:
    opened(settings, ELECTION)


@pytest.fixture(scope="module", params=[0, 1, 50, 99, 100])
def point(
    request: pytest.FixtureRequest, built: None, settings: Settings, count_now: Callable[..., CountFigures]
) -> Point:
    """Cast the ballots up to a share of all, count them, and read the marts in one snapshot."""
    until = len(BALLOTS) * request.param // 100
    with psycopg.connect(settings.conninfo("reader"), row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = connection.execute(
            "select position from marts.dim_elections where election_id = %s", (ELECTION.election_id,)
        ).fetchone()
    assert before is not None
    if until > before["position"]:
        cast(settings, ELECTION, limit=until - before["position"])
        count_now(ELECTION.election_id)
    with psycopg.connect(settings.conninfo("reader"), row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        marts = {
            mart: connection.execute(
                f"select * from marts.{mart} where election_id = %s".encode(), (ELECTION.election_id,)
            ).fetchall()
            for mart in MARTS
        }
    return Point(marts, BALLOTS[:until])


def test_all_of_it_is_of_one_position(point: Point) -> None:
    positions = {row["position"] for rows in point.marts.values() for row in rows}
    assert positions == {len(point.ballots)}


def test_progress_is_that_of_each_precinct_and_whole_only_at_the_end(point: Point) -> None:
    counted = Counter(ballot["precinct_id"] for ballot in point.ballots)
    states = Counter("all" if counted[one] >= EXPECTED[one] else "some" if counted[one] else "none" for one in EXPECTED)
    (county,) = (unit.reporting_unit_id for unit in ELECTION.reporting_units if unit.reporting_unit_type == "county")
    whole = [row for row in point.marts["fct_reporting_progress"] if row["reporting_unit_id"] == county]
    assert {row["contest_id"] for row in whole} == set(SEATS)
    for row in whole:
        assert [row["none_count"], row["some_count"], row["all_count"]] == [
            states[one] for one in ("none", "some", "all")
        ]
        assert (row["ballot_count"], row["expected_ballot_count"]) == (len(point.ballots), len(BALLOTS))
        assert row["is_complete"] == (row["expected_share"] == 1) == (len(point.ballots) == len(BALLOTS))


def test_areas_and_contests_have_the_votes_of_plain_counting(point: Point) -> None:
    votes = point.votes()
    for mart in ("fct_contest_results", "fct_area_results"):
        found = {(row["contest_id"], row["candidate_id"]): row["vote_count"] for row in point.marts[mart]}
        assert +Counter(found) == votes
        assert len(found) == sum(len(contest.candidates) for contest in ELECTION.contests)


def test_a_race_is_decided_exactly_when_what_is_out_cannot_change_it(point: Point) -> None:
    votes, out = point.votes(), len(BALLOTS) - len(point.ballots)
    final = Point({}, BALLOTS).votes()
    assert {row["contest_id"] for row in point.marts["fct_race_status"]} == set(SEATS)
    for row in point.marts["fct_race_status"]:
        contest, seats = row["contest_id"], row["seat_count"]
        ranked = sorted((votes[contest, one] for one in NAMED[contest]), reverse=True)
        rival = max(*ranked[seats:], votes[contest, "write-ins"])
        assert (seats, row["expected_outstanding_count"], row["countable_count"]) == (SEATS[contest], out, out)
        assert row["is_decided"] == (ranked[seats - 1] > rival + out)
        assert row["can_be_overtaken"] == (ranked[seats - 1] <= rival + out)
        if row["is_decided"]:
            winners = sorted(NAMED[contest], key=lambda one: -final[contest, one])[:seats]
            assert set(row["leader_ids"].split(", ")) == set(winners)


def test_the_difference_to_the_official_figures_is_what_is_out(point: Point) -> None:
    rows = point.marts["fct_reconciliation"]
    assert all(row["is_balanced"] for row in rows)
    out = Counter(
        (contest, ballot["precinct_id"], ballot["method"])
        for ballot in BALLOTS[len(point.ballots) :]
        for contest, ones in ballot["selections"].items()
        for _ in ones
    )
    differing = {
        (row["contest_id"], row["precinct_id"], row["method"]): -row["difference_count"]
        for row in rows
        if row["difference_count"]
    }
    assert differing == out
    assert {row["is_reproduced"] for row in rows} >= {not out}


def test_every_ballot_came_in_at_some_minute(point: Point) -> None:
    assert sum(row["ballot_count"] for row in point.marts["fct_ballots_over_time"]) == len(point.ballots)
