"""Messages drawn at random that are nearly ballots: broken in structure, in texts, in bytes, in their place."""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from election_assets.domain.election import Election
from tests.support import spellings
from tests.support.ballots import Message, draft, partition_for
from tests.support.elections import Voter, roll_of

Fields = dict[str, Any]

_TEXTS = (
    "", "\n", "\0", "a\n", "ann", "north", "full", "mail", "mayor", "x" * 64, "x" * 65, "é", "\ud83d\uddf3", "١", "Ａ",
    "'; drop table ledger.tallies; --", "<script>alert(1)</script>", "=cmd|'/c calc'!A0", "\x1b[2J", "..", "../etc",
    "-", "nan", "null", "0", "00000000-0000-0000-0000-000000000000", "\u202e", "\ufeff", "a:b", "a b", "%s",
    "{}", "\\", '"',
)  # fmt: skip
_TOKENS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"\t", b"\x0c", b"\0", b"null", b"true", b"NaN",
    b"1e400", b"-0", b"1", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xef\xbb\xbf", b"\\u0061", b"\\ud800",
    b"\\x41", b"/*", b'""', b"{}",
)  # fmt: skip
_STRING = re.compile(rb'"[^"\\]*"')


class Fuzzer:
    """Draws messages for an election; the same seed draws the same."""

    def __init__(self, election: Election, seed: int) -> None:
        self._election = election
        self._random = random.Random(seed)
        self._roll = roll_of(election)
        fields = {**draft(election, self._roll[0]).fields}
        self._spelled = [*spellings.malformed(fields).values(), *spellings.well_formed(fields).values()]

    def messages(self, number: int) -> Iterator[Message]:
        """Yield so many messages; some of them are ballots that count."""
        ways: list[tuple[Callable[[], Message], int]] = [
            (self._good, 3),
            (self._with_wrong_fields, 4),
            (self._with_other_bytes, 4),
            (self._spelled_oddly, 2),
            (self._of_the_corpus, 1),
            (self._noise, 1),
        ]
        for _ in range(number):
            (way,) = self._random.choices([way for way, _ in ways], [weight for _, weight in ways])
            yield self._misplaced(way())

    def _good(self) -> Message:
        return self._placed(self._voter(), _json(self._fields()))

    def _with_wrong_fields(self) -> Message:
        fields = self._fields()
        for _ in range(self._random.randint(1, 2)):
            self._spoil(fields)
        return self._placed(self._voter(fields), _json(fields, ensure_ascii=self._random.random() < 0.5))

    def _with_other_bytes(self) -> Message:
        fields = self._fields()
        value = bytearray(_json(fields))
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randrange(len(value) + 1)
            until = at + self._random.choice((0, 0, 1, 1, self._random.randint(1, 30)))
            value[at:until] = self._random.choice((b"", *_TOKENS, bytes([self._random.randrange(256)])))
        return self._placed(self._voter(fields), bytes(value))

    def _spelled_oddly(self) -> Message:
        """Escape some of its strings, space it out: most are the same ballot."""
        fields = self._fields()
        value = _STRING.sub(self._escaped, _json(fields))
        gap = self._random.choice((b" ", b"\r\n\t", b"  ", b"\x0b"))
        return self._placed(self._voter(fields), value.replace(b",", gap + b"," + gap))

    def _of_the_corpus(self) -> Message:
        return self._placed(self._voter(), self._random.choice(self._spelled))

    def _noise(self) -> Message:
        value = b"".join(self._random.choices(_TOKENS, k=self._random.randint(0, 60)))
        return self._placed(self._voter(), self._random.choice((value, value * 400, None)))

    def _fields(self) -> Fields:
        voter = self._random.choice(self._roll)
        style = next(one for one in self._election.ballot_styles if one.ballot_style_id == voter.ballot_style_id)
        selections = {
            contest.contest_id: self._random.sample(
                [one.candidate_id for one in contest.candidates], self._random.randint(0, 2)
            )
            for contest in self._election.contests
            if contest.contest_id in style.contest_ids and self._random.random() < 0.8
        }
        fields = draft(self._election, voter, selections, attempt=self._random.randint(0, 1)).fields
        return {**fields, "method": self._random.choice(self._election.methods).value}

    def _spoil(self, fields: Fields) -> None:
        if self._random.random() < 0.2:
            other = self._random.choice(self._roll)
            fields.update(
                self._random.choice(({"precinct_id": other.precinct_id}, {"ballot_style_id": other.ballot_style_id}))
            )
            return
        name = self._random.choice([*fields, "selections", "remark"])
        text = self._random.choice((*_TEXTS, self._random.choice(self._roll).voter_id))
        if name == "selections" and isinstance(fields.get(name), dict):
            contest = self._random.choice((*(one.contest_id for one in self._election.contests), text))
            chosen: Any = self._random.choice(
                ([text], ["ann", "ann"], ["ann", "bob", "cleo"], ["yes"], {}, None, [[]], 1)
            )
            fields[name] = {**fields[name], contest: chosen}
        elif self._random.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = self._random.choice((text, text, text, None, 1, 1.5, True, [], {}))

    def _escaped(self, found: re.Match[bytes]) -> bytes:
        text = found[0].decode()
        if self._random.random() < 0.8:
            return found[0]
        return (
            '"' + "".join(f"\\u{ord(letter):04{self._random.choice('xX')}}" for letter in text[1:-1]) + '"'
        ).encode()

    def _voter(self, fields: Fields | None = None) -> Voter | str:
        named = (fields or {}).get("voter_id")
        return named if isinstance(named, str) else self._random.choice(self._roll)

    def _placed(self, voter: Voter | str, value: bytes | None) -> Message:
        voter_id = (voter if isinstance(voter, str) else voter.voter_id).encode("utf-8", "surrogatepass")
        return Message(partition_for(voter_id, self._election.partition_count), voter_id, value)

    def _misplaced(self, message: Message) -> Message:
        """Give one in twenty another key or partition."""
        if self._random.random() < 0.95:
            return message
        if self._random.random() < 0.5:
            return message._replace(partition=self._random.randrange(self._election.partition_count))
        return message._replace(key=self._random.choice((None, b"", b"\xff", (message.key or b"") + b"\n", b"x" * 300)))


def _json(fields: Fields, *, ensure_ascii: bool = True) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")
