"""Claims about counting once: whatever is produced twice, in whatever batches it is read, whatever lies about."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest

from election_assets.casting import cast
from election_assets.counting import reset_election
from election_assets.domain.election import Election
from election_assets.domain.synthetic import generate_election
from election_assets.domain.verdict import Reason
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import Message, ballot_id_of, draft, with_faults
from tests.support.elections import made_election, roll_of
from tests.support.ledger import broken_rules, figures_of, ledger_of, positions_of, uncounted_of
from tests.support.log import appended, appended_in_transaction, opened
from tests.support.mixture import expected_figures, mixture

Count = Callable[..., CountFigures]


def blanks(election: Election, number: int) -> list[Message]:
    """Blank ballots of the first voters on the roll."""
    return [draft(election, voter).message() for voter in roll_of(election)[:number]]


def test_the_same_ballots_produced_twice_count_once(settings: Settings, count_now: Count) -> None:
    election = made_election("twice")
    opened(settings, election)
    ballots = [draft(election, voter, {"bridge": []}).message() for voter in roll_of(election)[:40]]
    appended(settings, "twice", ballots)
    count_now("twice")
    once = figures_of(settings, "twice")
    again = appended(settings, "twice", ballots)
    count_now("twice")
    assert figures_of(settings, "twice") == once
    assert uncounted_of(settings, "twice") == dict.fromkeys(again, Reason.DUPLICATE_DELIVERY)
    assert positions_of(settings, "twice")["counted"] == len(ballots)


@pytest.mark.parametrize("batches", ["in one batch", "in a batch each"])
def test_the_first_valid_ballot_of_a_voter_counts(settings: Settings, count_now: Count, batches: str) -> None:
    election = made_election(batches.replace(" ", "-"))
    election_id = election.election_id
    opened(settings, election)
    voter = next(voter for voter in roll_of(election) if voter.ballot_style_id == "full")
    first, second, third = (
        draft(election, voter, {"mayor": [candidate]}, attempt)
        for attempt, candidate in enumerate(("ann", "bob", "cleo"))
    )
    sent: list[tuple[Message, Reason | None]] = [
        (with_faults(first, Reason.UNKNOWN_CANDIDATE).message(), Reason.UNKNOWN_CANDIDATE),
        (with_faults(first, Reason.WRONG_PRECINCT).message(), Reason.WRONG_PRECINCT),
        (second.message(), None),
        (second.message(), Reason.DUPLICATE_DELIVERY),
        (first.message(), Reason.SECOND_BALLOT),
        # The same ballot id is the same ballot, whatever else it says now.
        (second.having(selections={"mayor": ["cleo"]}).message(), Reason.DUPLICATE_DELIVERY),
        (third.message(), Reason.SECOND_BALLOT),
    ]
    places = appended(settings, election_id, [message for message, _ in sent])
    count_now(election_id, max_offsets_per_trigger=1 if batches == "in a batch each" else 1000)
    found = uncounted_of(settings, election_id)
    assert [found.get(place) for place in places] == [reason for _, reason in sent]
    assert figures_of(settings, election_id).votes == {("mayor", "bob", "north", "election_day"): 1}
    assert [row[1] for row in ledger_of(settings, election_id)["participation"]] == [UUID(second.fields["ballot_id"])]


def test_voters_who_share_a_ballot_id_both_count(settings: Settings, count_now: Count) -> None:
    election = made_election("shared-id")
    opened(settings, election)
    ballot_id = ballot_id_of("shared")
    ballots = [draft(election, voter).having(ballot_id=ballot_id).message() for voter in roll_of(election)[:12]]
    appended(settings, "shared-id", ballots)
    count_now("shared-id")
    assert uncounted_of(settings, "shared-id") == {}
    assert positions_of(settings, "shared-id")["counted"] == 12


def test_a_recount_of_the_log_in_other_batches_comes_to_the_same_ledger(settings: Settings, count_now: Count) -> None:
    election = made_election("recount", voters_each=60)
    opened(settings, election)
    casts = mixture(election, seed=5)
    appended(settings, "recount", [one.message for one in casts[:200]])
    count_now("recount")
    appended(settings, "recount", [one.message for one in casts[200:]])
    count_now("recount")
    first = ledger_of(settings, "recount")
    assert figures_of(settings, "recount") == expected_figures(election, casts)
    for recount, limit in ((1, 100_000), (2, 120)):
        assert reset_election(settings, "recount") == recount
        assert not any(rows for table, rows in ledger_of(settings, "recount").items() if table != "positions")
        count_now("recount", max_offsets_per_trigger=limit)
        assert ledger_of(settings, "recount") == first
    assert broken_rules(settings, "recount") == []


def test_counting_what_is_counted_changes_nothing(settings: Settings, count_now: Count) -> None:
    election = made_election("again")
    opened(settings, election)
    appended(settings, "again", blanks(election, 5))
    count_now("again")
    before = ledger_of(settings, "again")
    assert count_now("again").messages == 0
    assert ledger_of(settings, "again") == before


def test_stale_and_foreign_checkpoints_left_in_place_change_nothing(settings: Settings, count_now: Count) -> None:
    election = made_election("checkpoints")
    opened(settings, election)
    appended(settings, "checkpoints", blanks(election, 6))
    topic = "votes_topic.checkpoints"
    stale = "v1\n" + json.dumps({"batchWatermarkMs": 0, "conf": {}}) + "\n" + json.dumps({topic: {"0": 0, "1": 99}})
    for name in ("checkpoints", "checkpoints/checkpoints/stale"):
        for part in ("offsets", "commits"):
            folder = settings.home / "count" / name / part
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "0").write_text(stale if part == "offsets" else 'v1\n{"nextBatchWatermarkMs":0}')
    assert count_now("checkpoints").counted == 6
    appended(settings, "checkpoints", blanks(election, 9)[6:])
    assert count_now("checkpoints").counted == 3


@pytest.mark.parametrize("committed", [True, False])
def test_a_transaction_marker_is_a_recorded_hole(settings: Settings, count_now: Count, committed: bool) -> None:
    election = made_election(f"markers-{committed}".lower())
    election_id = election.election_id
    opened(settings, election)
    ballots = blanks(election, 30)
    appended_in_transaction(settings, election_id, ballots[:20], committed=committed)
    partitions = len({message.partition for message in ballots[:20]})
    figures = count_now(election_id)
    # The marker is the last thing in each partition, and an aborted ballot was cast all the same.
    assert (figures.counted, figures.holes) == (20, partitions)
    appended(settings, election_id, ballots[20:])
    count_now(election_id)
    position = positions_of(settings, election_id)
    assert position == {
        "next_offset": 30 + partitions,
        "counted": 30,
        "holes": partitions,
        "rejected": 0,
        "quarantined": 0,
    }


def test_a_partition_with_markers_alone_is_passed_over(settings: Settings, count_now: Count) -> None:
    election = made_election("markers-alone")
    opened(settings, election)
    ballots = blanks(election, 8)
    appended_in_transaction(settings, "markers-alone", ballots[:4], committed=True)
    # Each micro-batch is one offset, so markers come in batches of their own.
    assert count_now("markers-alone", max_offsets_per_trigger=1).counted == 4
    appended_in_transaction(settings, "markers-alone", ballots[4:], committed=True)
    assert count_now("markers-alone", max_offsets_per_trigger=1).counted == 4


def test_casting_again_past_a_marker_sends_what_is_missing_alone(settings: Settings, count_now: Count) -> None:
    election = generate_election("cast-markers", 60, seed=3)
    opened(settings, election)
    cast(settings, election, limit=15)
    voter = roll_of(election)[0]
    appended_in_transaction(settings, "cast-markers", [draft(election, voter).message()], committed=False)
    done = cast(settings, election)
    assert (done.already_in_log, done.sent) == (15, done.total - 15)
    assert cast(settings, election).sent == 0
