"""Claims about the comparison: its load tells who counts right, and the bare consumers do but for the roll."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from benchmarks.load import Load, Totals, send
from benchmarks.peers.running import PEERS, Peer, run
from benchmarks.stage import Stage, opened
from election_assets.domain.electorate import voters
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings

ELECTION = generate_election("peers", 4_000)
BARE = [peer for peer in PEERS if peer.program == "bare"]


@pytest.fixture(scope="module")
def stage_and_load(settings: Settings) -> Iterator[tuple[Stage, Load]]:
    """The election opened, its ballots and what is among them in the log."""
    stage = opened(settings, ELECTION)
    yield stage, send(stage)
    with psycopg.connect(settings.conninfo("owner")) as connection:
        connection.execute("drop schema if exists peers cascade")


def first_ballots_counted(roll: set[str] | None) -> Totals:
    """Count the first ballot of each voter, of those on the roll where there is one."""
    load, seen = Load(ELECTION), set()
    found: Totals = Counter()
    for _, value in load.mixed(messages(ELECTION)):
        ballot = msgspec.json.decode(value)
        if ballot["voter_id"] in seen or (roll is not None and ballot["voter_id"] not in roll):
            continue
        seen.add(ballot["voter_id"])
        for contest_id, candidate_ids in ballot["selections"].items():
            found.update((contest_id, one, ballot["precinct_id"], ballot["method"]) for one in candidate_ids)
    assert load.totals(with_strangers=roll is None) == found
    return found


def test_first_ballots_come_to_the_loads_totals_with_and_without_a_roll() -> None:
    roll = set(voters(ELECTION).voter_ids.astype(str).tolist())
    assert first_ballots_counted(roll) < first_ballots_counted(None)


@pytest.mark.slow
@pytest.mark.parametrize("peer", BARE, ids=lambda peer: peer.title)
def test_bare_consumers_count_first_ballots_exactly_and_strangers_too(
    stage_and_load: tuple[Stage, Load], peer: Peer
) -> None:
    stage, load = stage_and_load
    python = Path(sys.executable)
    assert run(peer, stage, load.totals(with_strangers=True), python).flaw is None
    flaw = run(peer, stage, load.totals(), python).flaw
    assert flaw is not None
    assert "totals are wrong" in flaw
