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
    read_ballot,
    read_plain_ballot,
    read_selections,
)
from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.partitioning import partition_of
from election_assets.domain.placing import Lexicon, Marks, Place, marks_of, place_of
from election_assets.domain.verdict import Reason

MAX_KEY_BYTES = 64
# A new lexicon is begun when the marks are more than these: some 100 MB a worker.
MAX_REMEMBERED_MARKS = 50_000


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one partition in order of offset; append times in milliseconds since 1970."""

    partition: int
    offsets: np.ndarray
    append_times_ms: np.ndarray
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Valid:
    """A ballot that counts if it is its voter's first."""

    voter_number: int
    ballot_id: bytes
    place: Place
    marks: Marks


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A message that will not be counted, and why."""

    offset: int
    append_time_ms: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch judged: valid ballots as arrays of one length in order of offset, the others one by one.

    `ballot_ids` is n × 16 bytes; place and marks numbers are indices into the lexicon.
    """

    offsets: np.ndarray
    append_times_ms: np.ndarray
    voter_numbers: np.ndarray
    ballot_ids: np.ndarray
    place_numbers: np.ndarray
    marks_numbers: np.ndarray
    lexicon: Lexicon
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
            self.place_numbers[rows],
            self.marks_numbers[rows],
            self.lexicon,
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
        self._lexicon = Lexicon(election)

    def judge_one(self, partition: int, append_time_ms: int, key: bytes | None, value: bytes | None) -> Valid | Reason:
        """Judge one message by each rule in its order."""
        ballot = read_ballot(value)
        selections = None if ballot is None else read_selections(bytes(ballot.selections))
        if ballot is None or selections is None:
            return Reason.MALFORMED
        voter_id = ballot.voter_id.encode()
        if key != voter_id:
            return Reason.WRONG_KEY
        if partition != partition_of(voter_id, self.election.partition_count):
            return Reason.WRONG_PARTITION
        place = place_of(self.election, ballot)
        if isinstance(place, Reason):
            return place
        marks = marks_of(self.election, place.ballot_style_number, selections)
        if isinstance(marks, Reason):
            return marks
        if self.election.opens_at_ms is not None and append_time_ms < self.election.opens_at_ms:
            return Reason.BEFORE_OPEN
        if self.election.closes_at_ms is not None and append_time_ms >= self.election.closes_at_ms:
            return Reason.AFTER_CLOSE
        voter_number = int(self.roll.find([voter_id])[0])
        if voter_number < 0:
            return Reason.UNKNOWN_VOTER
        if self.roll.precinct_numbers[voter_number] != place.precinct_number:
            return Reason.WRONG_PRECINCT
        if self.roll.ballot_style_numbers[voter_number] != place.ballot_style_number:
            return Reason.WRONG_BALLOT_STYLE
        return Valid(voter_number, bytes.fromhex(ballot.ballot_id.replace("-", "")), place, marks)

    def judge(self, messages: Messages) -> Judged:
        """Judge a batch of one partition."""
        if len(self._lexicon.marks) > MAX_REMEMBERED_MARKS:
            self._lexicon = Lexicon(self.election)
        rows, ballot_ids, places, marks = self._read_plain(messages)
        uuids, accepted = _uuids(ballot_ids)
        voters = self.roll.find([messages.keys[row] for row in rows.tolist()])
        accepted &= voters >= 0
        if accepted.any():
            known = self._lexicon.places
            accepted &= self.roll.precinct_numbers[voters] == np.array([p.precinct_number for p in known])[places]
            accepted &= (
                self.roll.ballot_style_numbers[voters] == np.array([p.ballot_style_number for p in known])[places]
            )
            accepted &= self.roll.partitions[voters] == messages.partition
            accepted &= self._within_hours(messages.append_times_ms[rows])
        rows = rows[accepted]
        plain = Judged(
            messages.offsets[rows],
            messages.append_times_ms[rows],
            voters[accepted],
            uuids[accepted],
            places[accepted],
            marks[accepted],
            self._lexicon,
            [],
        )
        if len(rows) == len(messages.offsets):
            return plain
        others = np.setdiff1d(np.arange(len(messages.offsets)), rows, assume_unique=True)
        return self._with_others(plain, messages, others.tolist())

    def _read_plain(self, messages: Messages) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
        """Return rows, ballot ids, place and marks numbers of the messages that read well at first sight."""
        rows: list[int] = []
        ballot_ids: list[str] = []
        numbers: list[tuple[int, int]] = []
        find = self._lexicon.find
        for row, (key, value) in enumerate(zip(messages.keys, messages.values, strict=True)):
            ballot = read_plain_ballot(value)
            if (
                ballot is None
                or ballot.voter_id.encode() != key
                or len(ballot.ballot_id) != UUID_LENGTH
                or len(ballot.cast_at) > MAX_CAST_AT_LENGTH
            ):
                continue
            found = find(ballot)
            if found is not None:
                rows.append(row)
                ballot_ids.append(ballot.ballot_id)
                numbers.append(found)
        columns = np.array(numbers, dtype=np.int64).reshape(-1, 2)
        return np.array(rows, dtype=np.int64), ballot_ids, columns[:, 0], columns[:, 1]

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
        places = np.array([self._lexicon.add_place(one.place) for one in valid], dtype=np.int64)
        marks = np.array([self._lexicon.add_marks(one.marks) for one in valid], dtype=np.int64)
        return Judged(
            offsets[order],
            np.concatenate([plain.append_times_ms, messages.append_times_ms[rows]])[order],
            np.concatenate([plain.voter_numbers, voters])[order],
            np.concatenate([plain.ballot_ids, ids])[order],
            np.concatenate([plain.place_numbers, places])[order],
            np.concatenate([plain.marks_numbers, marks])[order],
            plain.lexicon,
            uncounted,
        )

    def _within_hours(self, append_times_ms: np.ndarray) -> np.ndarray:
        within = np.ones(len(append_times_ms), dtype=bool)
        if self.election.opens_at_ms is not None:
            within &= append_times_ms >= self.election.opens_at_ms
        if self.election.closes_at_ms is not None:
            within &= append_times_ms < self.election.closes_at_ms
        return within


def _uuids(ballot_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return 16 bytes for each text of 36 characters, and which of them were lower-case hyphenated UUIDs."""
    letters = np.frombuffer("".join(ballot_ids).encode("ascii", "replace"), np.uint8).reshape(-1, UUID_LENGTH)
    digits = _DIGITS[np.delete(letters, _HYPHENS, axis=1)]
    valid = (letters[:, _HYPHENS] == ord("-")).all(axis=1) & (digits < 16).all(axis=1)
    return (digits[:, 0::2] << 4) | (digits[:, 1::2] & 15), valid


_HYPHENS = [8, 13, 18, 23]
_DIGITS = np.full(256, 255, dtype=np.uint8)
for _value, _letter in enumerate(b"0123456789abcdef"):
    _DIGITS[_letter] = _value
