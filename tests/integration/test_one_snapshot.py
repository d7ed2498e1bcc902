"""Claims about readers while a count commits: what is read in one snapshot is of one position and agrees."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from election_assets.casting import cast
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.log import opened

pytestmark = pytest.mark.slow

ELECTION = generate_election("one-snapshot", 12_000, seed=5, contests=3, precincts=12)
# Small micro-batches, so that many commits fall between the queries of a reader.
BALLOTS_PER_BATCH = 400

QUERIES = {
    "election": "select position, counted_count, counted_count as ballots from marts.dim_elections",
    "turnout": "select max(position) as position, max(ballot_count) as ballots from marts.fct_turnout",
    "ballots": "select max(position) as position, sum(ballot_count) as ballots from marts.fct_ballots",
    "arrivals": "select max(position) as position, sum(ballot_count) as ballots from marts.fct_ballots_over_time",
    "candidates": "select max(position) as position, sum(vote_count) as votes from marts.fct_candidate_results",
    "contests": "select max(position) as position, sum(vote_count) as votes from marts.fct_contest_results",
    "totals": "select max(position) as position, sum(vote_count) as votes,"
    " sum(ballot_count * votes_allowed - undervote_count - overvote_count) as balance from marts.fct_contest_totals",
    "status": "select max(position) as position, max(ballot_count) as ballots from marts.fct_race_status",
}

Snapshot = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def snapshots(settings: Settings, count_now: Callable[..., CountFigures], marts: Callable[[], None]) -> list[Snapshot]:
    """Read again and again while the election is counted, each time in one snapshot."""
    opened(settings, ELECTION)
    cast(settings, ELECTION)
    seen = []
    with (
        ThreadPoolExecutor(1) as executor,
        psycopg.connect(settings.conninfo("reader"), row_factory=dict_row) as reader,
    ):
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        count = executor.submit(count_now, ELECTION.election_id, max_offsets_per_trigger=BALLOTS_PER_BATCH)
        while not count.done():
            with reader.transaction():
                seen.append({name: read(reader, query) for name, query in QUERIES.items()})
        count.result()
    return seen


def read(reader: psycopg.Connection[dict[str, Any]], query: str) -> dict[str, Any]:
    found = reader.execute(f"{query} where election_id = %s".encode(), (ELECTION.election_id,))
    row = found.fetchone()
    assert row is not None
    return row


def test_the_count_went_on_between_the_snapshots(snapshots: list[Snapshot]) -> None:
    positions = [snapshot["election"]["position"] for snapshot in snapshots]
    assert positions == sorted(positions)
    assert len(set(positions)) > 5


def test_what_is_read_in_one_snapshot_agrees(snapshots: list[Snapshot]) -> None:
    for snapshot in snapshots:
        counted = snapshot["election"]
        for name, row in snapshot.items():
            # Without a ballot there is no minute in which one came.
            assert (row["position"] or 0) == counted["position"], name
            assert (row.get("ballots", counted["ballots"]) or 0) == counted["ballots"], name
        votes = {row["votes"] for row in snapshot.values() if "votes" in row}
        assert len(votes) == 1
        assert snapshot["totals"]["balance"] == votes.pop()
