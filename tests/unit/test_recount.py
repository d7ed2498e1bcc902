"""Claims about the independent recount, without engines: it comes to what was cast, and to what the count does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest

from audit.ballot import read_ballot
from audit.log import Message
from audit.recount import Cells, PartitionRecount
from election_assets.domain.ballot import read_ballot as read_by_the_count
from election_assets.domain.judge import Judge, Messages
from election_assets.domain.verdict import Reason
from tests.support import spellings
from tests.support.audits import recounts_of, registry_of
from tests.support.ballots import Message as Sent
from tests.support.ballots import draft
from tests.support.elections import frozen, made_election, roll_of
from tests.support.fuzzing import Fuzzer
from tests.support.mixture import expected_figures, mixture

ELECTION = made_election("recounted")
FIELDS = {**draft(ELECTION, roll_of(ELECTION)[0]).fields}
T0 = 1_793_700_000_000
BLOCK = 500


def appended(sent: Iterable[Sent]) -> Iterator[Message]:
    """Number messages as their partitions would."""
    ends: Counter[int] = Counter()
    for at, (partition, key, value) in enumerate(sent):
        yield Message(partition, ends[partition], T0 + at, key, value)
        ends[partition] += 1


def recounted(sent: Iterable[Sent]) -> list[PartitionRecount]:
    recounts = recounts_of(ELECTION, registry_of(ELECTION))
    for message in appended(sent):
        recounts[message.partition].add([message])
    return recounts


def added_up(recounts: Sequence[PartitionRecount], table: str) -> Cells:
    totals = Cells()
    for recount in recounts:
        for cell, sums in recount.cells()[table].items():
            totals.add(cell, *sums)
    return totals


@pytest.mark.parametrize("name", spellings.malformed(FIELDS))
def test_what_is_no_ballot_is_not_read_as_one(name: str) -> None:
    assert read_ballot(spellings.malformed(FIELDS)[name]) is None


@pytest.mark.parametrize("name", spellings.well_formed(FIELDS))
def test_a_ballot_is_read_however_it_is_spelled(name: str) -> None:
    ballot = read_ballot(spellings.well_formed(FIELDS)[name])
    assert ballot
    assert {one: getattr(ballot, one) for one in ("voter_id", "ballot_id", "method")}.items() <= FIELDS.items()


def test_every_cell_and_every_reason_is_what_was_cast() -> None:
    casts = mixture(ELECTION, seed=5)
    recounts = recounted(cast.message for cast in casts)
    expected = expected_figures(ELECTION, casts)
    assert added_up(recounts, "tallies") == {cell: [votes] for cell, votes in expected.votes.items()}
    assert added_up(recounts, "contest_ballots") == {cell: list(sums) for cell, sums in expected.contests.items()}
    ballots = {cell: sums[0] for cell, sums in added_up(recounts, "ballot_counts").items()}
    assert ballots == expected.ballots
    reasons = [
        recounts[message.partition].uncounted.get(message.offset)
        for message in appended(cast.message for cast in casts)
    ]
    assert [found and found.reason for found in reasons] == [cast.reason for cast in casts]


def test_ballots_are_counted_once_in_groups_arrivals_and_participation() -> None:
    recounts = recounted(cast.message for cast in mixture(ELECTION, seed=6))
    ballots = sum(recount.counted for recount in recounts)
    assert ballots > 100
    assert sum(len(set(recount.voter_numbers)) for recount in recounts) == ballots
    for table in ("ballot_counts", "voter_group_counts", "arrivals"):
        assert sum(sums[0] for sums in added_up(recounts, table).values()) == ballots


def test_hours_are_half_open() -> None:
    registry = registry_of(ELECTION, opens_at_ms=T0, closes_at_ms=T0 + 1000)
    voters = iter(roll_of(ELECTION))
    found = []
    for time_ms in (T0 - 1, T0, T0 + 999, T0 + 1000):
        partition, key, value = draft(ELECTION, next(voters)).message()
        recount = recounts_of(ELECTION, registry)[partition]
        recount.add([Message(partition, 0, time_ms, key, value)])
        found.append([one.reason for one in recount.uncounted.values()])
    assert found == [["before_open"], [], [], ["after_close"]]


class TheCount:
    """What the count says of each message: its judge by batches, then the first valid ballot of each voter."""

    def __init__(self) -> None:
        self._judge = Judge(*frozen(ELECTION))
        self._counted: dict[int, bytes] = {}

    def reasons(self, block: Sequence[Message]) -> dict[int, str]:
        """Judge messages of one partition; return offset → reason of those that do not count."""
        judged = self._judge.judge(
            Messages(
                block[0].partition,
                np.array([one.offset for one in block], dtype=np.int64),
                np.array([one.append_time_ms for one in block], dtype=np.int64),
                [one.key for one in block],
                [one.value for one in block],
            )
        )
        reasons = {one.offset: one.reason.value for one in judged.uncounted}
        valid = zip(judged.offsets.tolist(), judged.voter_numbers.tolist(), judged.ballot_ids, strict=True)
        for offset, voter, ballot_id in valid:
            if voter in self._counted:
                same = self._counted[voter] == ballot_id.tobytes()
                reasons[offset] = (Reason.DUPLICATE_DELIVERY if same else Reason.SECOND_BALLOT).value
            else:
                self._counted[voter] = ballot_id.tobytes()
        return reasons


def differing(seed: int, number: int) -> tuple[list[Message], Counter[str]]:
    """Draw messages and judge them both ways; return those judged differently, and how many got each verdict."""
    recounts, the_count = recounts_of(ELECTION, registry_of(ELECTION)), TheCount()
    found: list[Message] = []
    seen: Counter[str] = Counter()
    by_partition: dict[int, list[Message]] = {}
    for message in appended(Fuzzer(ELECTION, seed).messages(number)):
        by_partition.setdefault(message.partition, []).append(message)
    for partition, messages in by_partition.items():
        for start in range(0, len(messages), BLOCK):
            block = messages[start : start + BLOCK]
            recounts[partition].add(block)
            reasons = the_count.reasons(block)
            for message in block:
                uncounted = recounts[partition].uncounted.get(message.offset)
                reason = uncounted and uncounted.reason
                seen[reason or "counted"] += 1
                if reason != reasons.get(message.offset):
                    found.append(message)
    return found, seen


@pytest.mark.parametrize("seed", range(10))
def test_recount_and_count_agree_on_whatever_is_drawn(seed: int) -> None:
    found, seen = differing(seed, 10_000)
    assert found == []
    assert sum(seen.values()) == 10_000
    assert set(Reason) - {Reason.BEFORE_OPEN, Reason.AFTER_CLOSE} <= seen.keys()
    assert seen["counted"] > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_recount_and_count_agree_on_a_million_more(seed: int) -> None:
    assert differing(seed, 10_000)[0] == []


@pytest.mark.parametrize("name", spellings.malformed(FIELDS) | spellings.well_formed(FIELDS))
def test_both_readers_read_the_same(name: str) -> None:
    value = {**spellings.malformed(FIELDS), **spellings.well_formed(FIELDS)}[name]
    assert (read_ballot(value) is None) == (read_by_the_count(value) is None)
