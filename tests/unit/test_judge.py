"""Claims about the judge: the first rule that applies decides, and a batch is judged as its messages one by one."""

import dataclasses
from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from election_assets.domain.election import PrecinctBallotStyle
from election_assets.domain.judge import Judge, Judged, Messages, Valid
from election_assets.domain.placing import Marks
from election_assets.domain.verdict import Reason
from tests.support import spellings
from tests.support.ballots import FAULTS, Draft, Message, draft, partition_for, with_faults
from tests.support.elections import Voter, frozen, made_election, roll_of

ELECTION = made_election("town-2026", voters_each=12)
ROLL = roll_of(ELECTION)
NORTH_FULL = next(voter for voter in ROLL if (voter.precinct_id, voter.ballot_style_id) == ("north", "full"))
OPENS, CLOSES = 1_790_000_000_000, 1_790_000_060_000
JUDGE = Judge(*frozen(ELECTION, OPENS, CLOSES))
GOOD = draft(ELECTION, NORTH_FULL, {"mayor": ["ann"], "council": ["dan", "eve"]})


def verdict_on(ballot: Draft, append_time_ms: int | None = None) -> Valid | Reason:
    usual = CLOSES if ballot.after_close else OPENS
    message = ballot.message()
    return JUDGE.judge_one(message.partition, append_time_ms or usual, message.key, message.value)


def marks_of(selections: Mapping[str, list[str]], voter: Voter = NORTH_FULL) -> Marks:
    verdict = verdict_on(draft(ELECTION, voter, selections))
    assert isinstance(verdict, Valid)
    return verdict.marks


def figures(marks: Marks) -> dict[int, tuple[int, int, tuple[int, ...]]]:
    """Contest → undervotes, overvotes, candidates voted for."""
    return {one.contest_number: (one.undervotes, one.overvotes, one.candidate_numbers) for one in marks.contests}


def judged_one_by_one(messages: Messages) -> dict[int, object]:
    """Offset → the verdict of the definition."""
    verdicts: dict[int, object] = {}
    for row, offset in enumerate(messages.offsets.tolist()):
        time = int(messages.append_times_ms[row])
        verdicts[offset] = JUDGE.judge_one(messages.partition, time, messages.keys[row], messages.values[row])
    return verdicts


def as_verdicts(judged: Judged) -> dict[int, object]:
    verdicts: dict[int, object] = {one.offset: one.reason for one in judged.uncounted}
    numbers = zip(judged.voter_numbers, judged.place_numbers, judged.marks_numbers, strict=True)
    for offset, ballot_id, (voter, place, marks) in zip(judged.offsets, judged.ballot_ids, numbers, strict=True):
        known = judged.lexicon
        verdicts[int(offset)] = Valid(int(voter), ballot_id.tobytes(), known.places[place], known.marks[marks])
    return verdicts


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_alone_has_its_reason(reason: Reason) -> None:
    assert verdict_on(with_faults(GOOD, reason)) is reason


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)))
def test_of_two_faults_the_earlier_decides(first: Reason, second: Reason) -> None:
    assert verdict_on(with_faults(GOOD, second, first)) is first


def test_of_all_faults_from_any_on_the_first_decides() -> None:
    for place, reason in enumerate(FAULTS):
        assert verdict_on(with_faults(GOOD, *list(FAULTS)[place:])) is reason


def test_hours_are_from_the_opening_on_and_before_the_close_to_the_millisecond() -> None:
    verdicts = [verdict_on(GOOD, time) for time in (OPENS - 1, OPENS, CLOSES - 1, CLOSES)]
    assert verdicts[0] is Reason.BEFORE_OPEN
    assert isinstance(verdicts[1], Valid)
    assert isinstance(verdicts[2], Valid)
    assert verdicts[3] is Reason.AFTER_CLOSE


def test_a_message_in_a_partition_that_was_added_later_is_in_the_wrong_one() -> None:
    message = GOOD.message()
    verdict = JUDGE.judge_one(ELECTION.partition_count, OPENS, message.key, message.value)
    assert verdict is Reason.WRONG_PARTITION


@pytest.mark.parametrize("key", [None, b"", b" ", NORTH_FULL.voter_id.encode() + b"\n", b"\xff", b"x" * 5000])
def test_any_key_but_the_voters_id_is_wrong(key: bytes | None) -> None:
    message = GOOD.message()
    assert JUDGE.judge_one(message.partition, OPENS, key, message.value) is Reason.WRONG_KEY


def test_an_id_longer_than_any_on_the_roll_is_not_cut_to_one_that_is_there() -> None:
    for longer in (NORTH_FULL.voter_id + "x", NORTH_FULL.voter_id + "-" * 40, NORTH_FULL.voter_id[:-1]):
        assert verdict_on(GOOD.having(voter_id=longer)) is Reason.UNKNOWN_VOTER


def test_selections_not_used_are_undervotes_and_too_many_count_no_vote() -> None:
    full = marks_of({"mayor": ["ann"], "council": ["dan"], "bridge": ["yes", "no"]})
    assert figures(full) == {1: (0, 0, (1,)), 2: (1, 0, (1,)), 3: (0, 1, ())}
    assert figures(marks_of({"council": ["dan", "eve", "gus"]})) == {1: (1, 0, ()), 2: (0, 2, ()), 3: (1, 0, ())}


def test_an_absent_contest_and_an_empty_list_are_the_same_undervotes() -> None:
    blank = marks_of({})
    assert blank.is_blank
    assert marks_of({"mayor": [], "council": [], "bridge": []}) == blank
    assert not marks_of({"bridge": ["yes", "no"]}).is_blank


def test_a_ballot_counts_in_the_contests_of_its_style_alone() -> None:
    bridge_only = next(voter for voter in ROLL if voter.ballot_style_id == "bridge-only")
    assert figures(marks_of({"bridge": ["no"]}, bridge_only)) == {3: (0, 0, (2,))}
    assert verdict_on(draft(ELECTION, bridge_only, {"mayor": []})) is Reason.UNKNOWN_CONTEST


def test_a_style_of_another_precinct_alone_is_unknown_here() -> None:
    assert verdict_on(GOOD.having(ballot_style_id="bridge-only")) is Reason.UNKNOWN_BALLOT_STYLE


def test_an_election_without_voters_knows_none() -> None:
    styles = tuple(
        PrecinctBallotStyle(one.precinct_id, one.ballot_style_id, 0) for one in ELECTION.precinct_ballot_styles
    )
    judge = Judge(*frozen(dataclasses.replace(ELECTION, precinct_ballot_styles=styles)))
    message = GOOD.message()
    batch = Messages(message.partition, np.array([0]), np.array([OPENS]), [message.key], [message.value])
    assert [one.reason for one in judge.judge(batch).uncounted] == [Reason.UNKNOWN_VOTER]


def drafts(voter: Voter) -> st.SearchStrategy[Draft]:
    contests = {contest.contest_id: [one.candidate_id for one in contest.candidates] for contest in ELECTION.contests}
    choices = {name: st.lists(st.sampled_from(ids), unique=True, max_size=3) for name, ids in contests.items()}
    return st.fixed_dictionaries({}, optional=choices).map(lambda selections: draft(ELECTION, voter, selections))


blank = {**GOOD.having(selections={}).fields}
spelled_oddly = st.sampled_from([*spellings.well_formed(blank).values(), *spellings.malformed(blank).values()])
home = partition_for(NORTH_FULL.voter_id.encode(), ELECTION.partition_count)
messages = st.one_of(
    st.sampled_from(ROLL).flatmap(drafts).map(Draft.message),
    st.lists(st.sampled_from(list(FAULTS)), max_size=2).map(lambda faults: with_faults(GOOD, *faults).message()),
    spelled_oddly.map(lambda value: Message(home, NORTH_FULL.voter_id.encode(), value)),
    st.tuples(st.just(home), st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=40)).map(
        lambda parts: Message(*parts)
    ),
)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(messages, st.sampled_from([OPENS - 1, OPENS, CLOSES - 1, CLOSES]), st.integers(1, 3)), max_size=30
    )
)
def test_a_batch_is_judged_as_its_messages_one_by_one(batch: list[tuple[Message, int, int]]) -> None:
    for partition in range(ELECTION.partition_count):
        rows = [row for row in batch if row[0].partition == partition]
        judged_together = Messages(
            partition,
            np.cumsum([gap for _, _, gap in rows], dtype=np.int64),
            np.array([time for _, time, _ in rows], dtype=np.int64),
            [message.key for message, _, _ in rows],
            [message.value for message, _, _ in rows],
        )
        judged = JUDGE.judge(judged_together)
        assert as_verdicts(judged) == judged_one_by_one(judged_together)
        assert judged.offsets.tolist() == sorted(judged.offsets.tolist())


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 14))
def test_what_the_ledger_has_already_is_dropped_wherever_it_ends(goods: list[bool], from_offset: int) -> None:
    message = GOOD.message()
    judged = JUDGE.judge(
        Messages(
            message.partition,
            np.arange(len(goods)),
            np.full(len(goods), OPENS),
            [message.key] * len(goods),
            [message.value if good else b"" for good in goods],
        )
    )
    left = {offset: verdict for offset, verdict in as_verdicts(judged).items() if offset >= from_offset}
    since = judged.since(from_offset)
    assert as_verdicts(since) == left
    assert since.last == ((len(goods) - 1, OPENS) if left else None)
