"""The judge: what each message is worth, but for whether it is its voter's first.

`Judge.judge_one` is the definition, rule by rule in the order of DESIGN §4. `Judge.judge`
does whole batches: it may only accept, for messages where every rule is seen to hold at
once, and asks the definition about all others. Whether a valid ballot is its voter's first
needs the ballots before it, which only the ledger has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from election_assets.domain.ballot import (
    MAX_CAST_AT_LENGTH,
    UUID_LENGTH,
    Ballot,
    Selections,
    read_ballot,
    read_plain_ballot,
    read_selections,
)
from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.partitioning import partition_of
from election_assets.domain.verdict import Reason

MAX_KEY_BYTES = 64

# Contents remembered between batches (a county with 8 contests has some 20,000), within some 200 MB a worker.
MAX_REMEMBERED_CONTENTS = 50_000
MAX_REMEMBERED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one partition in order of offset; append times in milliseconds since 1970."""

    partition: int
    offsets: np.ndarray
    append_times_ms: np.ndarray
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class ContestCount:
    """What a ballot adds to one contest; an overvoted contest has no votes."""

    contest_number: int
    undervotes: int
    overvotes: int
    candidate_numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a ballot adds to the count, without its voter: equal for all ballots marked alike."""

    precinct_number: int
    ballot_style_number: int
    method_number: int
    is_blank: bool
    contests: tuple[ContestCount, ...]


@dataclass(frozen=True, slots=True)
class Valid:
    """A ballot that counts if it is its voter's first."""

    voter_number: int
    ballot_id: bytes
    content: Content


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A message that will not be counted, and why."""

    offset: int
    append_time_ms: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch judged: valid ballots as arrays of one length in order of offset, the others one by one.

    `ballot_ids` is n × 16 bytes; `content_numbers` are indices into `contents`.
    """

    offsets: np.ndarray
    append_times_ms: np.ndarray
    voter_numbers: np.ndarray
    ballot_ids: np.ndarray
    content_numbers: np.ndarray
    contents: list[Content]
    uncounted: list[Uncounted]

    def since(self, offset: int) -> "Judged":
        """Return what was judged at `offset` and after."""
        rows = self.offsets >= offset
        if rows.all() and (not self.uncounted or self.uncounted[0].offset >= offset):
            return self
        return Judged(
            self.offsets[rows],
            self.append_times_ms[rows],
            self.voter_numbers[rows],
            self.ballot_ids[rows],
            self.content_numbers[rows],
            self.contents,
            [message for message in self.uncounted if message.offset >= offset],
        )

    @property
    def last(self) -> tuple[int, int] | None:
        """Return offset and append time of the last message, None without any."""
        ends = [(int(self.offsets[-1]), int(self.append_times_ms[-1]))] if len(self.offsets) else []
        ends += [(message.offset, message.append_time_ms) for message in self.uncounted[-1:]]
        return max(ends, default=None)


class Judge:
    """Applies an election's rules. Pure: the same message gets the same verdict, on any day and machine."""

    def __init__(self, election: FrozenElection, roll: Roll) -> None:
        self.election = election
        self.roll = roll
        self._contents: dict[tuple[str, str, str, str, bytes], Content] = {}

    def judge_one(self, partition: int, append_time_ms: int, key: bytes | None, value: bytes | None) -> Valid | Reason:
        """Judge one message by each rule in its order."""
        ballot = read_ballot(value)
        if ballot is None:
            return Reason.MALFORMED
        voter_id = ballot.voter_id.encode()
        if key != voter_id:
            return Reason.WRONG_KEY
        if partition != partition_of(voter_id, self.election.partition_count):
            return Reason.WRONG_PARTITION
        content = self._content_of(ballot)
        if isinstance(content, Reason):
            return content
        if self.election.opens_at_ms is not None and append_time_ms < self.election.opens_at_ms:
            return Reason.BEFORE_OPEN
        if self.election.closes_at_ms is not None and append_time_ms >= self.election.closes_at_ms:
            return Reason.AFTER_CLOSE
        voter_number = int(self.roll.find([voter_id])[0])
        if voter_number < 0:
            return Reason.UNKNOWN_VOTER
        if self.roll.precinct_numbers[voter_number] != content.precinct_number:
            return Reason.WRONG_PRECINCT
        if self.roll.ballot_style_numbers[voter_number] != content.ballot_style_number:
            return Reason.WRONG_BALLOT_STYLE
        return Valid(voter_number, bytes.fromhex(ballot.ballot_id.replace("-", "")), content)

    def judge(self, messages: Messages) -> Judged:
        """Judge a batch of one partition."""
        rows, ballot_ids, contents = self._read_plain(messages)
        uuids, accepted = _uuids(ballot_ids)
        voters = self.roll.find([messages.keys[row] for row in rows.tolist()])
        content_numbers, known = _numbered(contents)
        if len(rows):
            precincts = np.array([content.precinct_number for content in known])[content_numbers]
            styles = np.array([content.ballot_style_number for content in known])[content_numbers]
            accepted &= voters >= 0
            accepted &= self.roll.precinct_numbers[voters] == precincts
            accepted &= self.roll.ballot_style_numbers[voters] == styles
            accepted &= self.roll.partitions[voters] == messages.partition
            accepted &= self._within_hours(messages.append_times_ms[rows])
        rows = rows[accepted]
        plain = Judged(
            messages.offsets[rows],
            messages.append_times_ms[rows],
            voters[accepted],
            uuids[accepted],
            content_numbers[accepted],
            known,
            [],
        )
        if len(rows) == len(messages.offsets):
            return plain
        others = np.setdiff1d(np.arange(len(messages.offsets)), rows, assume_unique=True)
        return self._with_others(plain, messages, others.tolist())

    def _read_plain(self, messages: Messages) -> tuple[np.ndarray, list[str], list[Content]]:
        """Return rows, ballot ids and contents of the messages that read well at first sight."""
        rows: list[int] = []
        ballot_ids: list[str] = []
        contents: list[Content] = []
        if len(self._contents) > MAX_REMEMBERED_CONTENTS:
            self._contents.clear()
        for row, (key, value) in enumerate(zip(messages.keys, messages.values, strict=True)):
            ballot = read_plain_ballot(value)
            if (
                ballot is None
                or ballot.voter_id.encode() != key
                or len(ballot.ballot_id) != UUID_LENGTH
                or len(ballot.cast_at) > MAX_CAST_AT_LENGTH
            ):
                continue
            content = self._content_of(ballot)
            if isinstance(content, Content):
                rows.append(row)
                ballot_ids.append(ballot.ballot_id)
                contents.append(content)
        return np.array(rows, dtype=np.int64), ballot_ids, contents

    def _with_others(self, plain: Judged, messages: Messages, others: list[int]) -> Judged:
        """Ask the definition about every message that was not accepted at first sight."""
        uncounted: list[Uncounted] = []
        rows: list[int] = []
        valid: list[Valid] = []
        for row in others:
            time = int(messages.append_times_ms[row])
            verdict = self.judge_one(messages.partition, time, messages.keys[row], messages.values[row])
            if isinstance(verdict, Reason):
                uncounted.append(Uncounted(int(messages.offsets[row]), time, verdict))
            else:
                rows.append(row)
                valid.append(verdict)
        offsets = np.concatenate([plain.offsets, messages.offsets[rows]])
        order = np.argsort(offsets)
        ids = np.frombuffer(b"".join(one.ballot_id for one in valid), np.uint8).reshape(-1, 16)
        voters = np.array([one.voter_number for one in valid], dtype=np.int64)
        numbers = np.arange(len(plain.contents), len(plain.contents) + len(valid))
        return Judged(
            offsets[order],
            np.concatenate([plain.append_times_ms, messages.append_times_ms[rows]])[order],
            np.concatenate([plain.voter_numbers, voters])[order],
            np.concatenate([plain.ballot_ids, ids])[order],
            np.concatenate([plain.content_numbers, numbers])[order],
            plain.contents + [one.content for one in valid],
            uncounted,
        )

    def _within_hours(self, append_times_ms: np.ndarray) -> np.ndarray:
        within = np.ones(len(append_times_ms), dtype=bool)
        if self.election.opens_at_ms is not None:
            within &= append_times_ms >= self.election.opens_at_ms
        if self.election.closes_at_ms is not None:
            within &= append_times_ms < self.election.closes_at_ms
        return within

    def _content_of(self, ballot: Ballot) -> Content | Reason:
        """Return what a ballot adds, or why it cannot."""
        raw = bytes(ballot.selections)
        key = (ballot.election_id, ballot.precinct_id, ballot.ballot_style_id, ballot.method, raw)
        remembered = self._contents.get(key)
        if remembered is not None:
            return remembered
        selections = read_selections(raw)
        if selections is None:
            return Reason.MALFORMED
        content = resolve(self.election, ballot, selections)
        if isinstance(content, Content) and len(raw) <= MAX_REMEMBERED_BYTES:
            self._contents[key] = content
        return content


def resolve(election: FrozenElection, ballot: Ballot, selections: Selections) -> Content | Reason:
    """Place a ballot's names in the registry: from `wrong_election` to `unknown_candidate`."""
    if ballot.election_id != election.election_id:
        return Reason.WRONG_ELECTION
    method_number = election.method_numbers.get(ballot.method)
    if method_number is None:
        return Reason.UNKNOWN_METHOD
    precinct_number = election.precinct_numbers.get(ballot.precinct_id)
    if precinct_number is None:
        return Reason.UNKNOWN_PRECINCT
    style_number = election.ballot_style_numbers.get(ballot.ballot_style_id, 0)
    if (precinct_number, style_number) not in election.precinct_ballot_styles:
        return Reason.UNKNOWN_BALLOT_STYLE
    contest_ids = election.ballot_style_contests[style_number]
    if not selections.keys() <= contest_ids:
        return Reason.UNKNOWN_CONTEST
    contests = []
    for contest_id in sorted(contest_ids, key=lambda one: election.contests[one].contest_number):
        rules = election.contests[contest_id]
        numbers = [rules.candidate_numbers.get(candidate_id, 0) for candidate_id in selections.get(contest_id, ())]
        if 0 in numbers:
            return Reason.UNKNOWN_CANDIDATE
        if len(numbers) > rules.votes_allowed:
            contests.append(ContestCount(rules.contest_number, 0, rules.votes_allowed, ()))
        else:
            undervotes = rules.votes_allowed - len(numbers)
            contests.append(ContestCount(rules.contest_number, undervotes, 0, tuple(numbers)))
    is_blank = not any(selections.values())
    return Content(precinct_number, style_number, method_number, is_blank, tuple(contests))


def _uuids(ballot_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return 16 bytes for each text of 36 characters, and which of them were lower-case hyphenated UUIDs."""
    letters = np.frombuffer("".join(ballot_ids).encode("ascii", "replace"), np.uint8).reshape(-1, UUID_LENGTH)
    digits = _DIGITS[np.delete(letters, _HYPHENS, axis=1)]
    valid = (letters[:, _HYPHENS] == ord("-")).all(axis=1) & (digits < 16).all(axis=1)
    return (digits[:, 0::2] << 4) | (digits[:, 1::2] & 15), valid


def _numbered(contents: list[Content]) -> tuple[np.ndarray, list[Content]]:
    """Return each content's number among the distinct ones, and those. Told apart by identity: they are remembered."""
    numbers: dict[int, int] = {}
    known: list[Content] = []
    content_numbers = np.empty(len(contents), dtype=np.int64)
    for row, content in enumerate(contents):
        number = numbers.setdefault(id(content), len(known))
        if number == len(known):
            known.append(content)
        content_numbers[row] = number
    return content_numbers, known


_HYPHENS = [8, 13, 18, 23]
_DIGITS = np.full(256, 255, dtype=np.uint8)
for _value, _letter in enumerate(b"0123456789abcdef"):
    _DIGITS[_letter] = _value
