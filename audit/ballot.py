"""Reading a ballot: the grammar of a message as regular expressions, and nothing that is called a parser.

A ballot's schema leaves little of JSON: seven texts, and lists of texts by name. So the whole message is one
expression, whose quantifiers are possessive: no message takes longer than its length.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

MAX_BYTES = 16 * 1024
MAX_CAST_AT_LENGTH = 40
_FIELDS = {
    "election_id",
    "ballot_id",
    "voter_id",
    "precinct_id",
    "ballot_style_id",
    "method",
    "cast_at",
    "selections",
}

# RFC 8259: what may stand between tokens, and what is a string.
_GAP = r"[ \t\n\r]*+"
_LETTERS = r'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+'
_STRING = f'"{_LETTERS}"'
_COMMA, _COLON = f"{_GAP},{_GAP}", f"{_GAP}:{_GAP}"
_LIST = rf"\[{_GAP}(?:{_STRING}(?:{_COMMA}{_STRING})*+)?+{_GAP}\]"
_LISTS = rf"\{{{_GAP}(?:{_STRING}{_COLON}{_LIST}(?:{_COMMA}{_STRING}{_COLON}{_LIST})*+)?+{_GAP}\}}"

# A field's name, and its letters or its lists; a ballot has eight of them.
_CAUGHT = f'"({_LETTERS})"{_COLON}(?:"({_LETTERS})"|({_LISTS}))'
_BALLOT = re.compile(rf"{_GAP}\{{{_GAP}{_COMMA.join([_CAUGHT] * 8)}{_GAP}\}}{_GAP}")
_CONTESTS = re.compile(f'"({_LETTERS})"{_COLON}({_LIST})')
_STRINGS = re.compile(f'"({_LETTERS})"')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_is_id = re.compile(r"[A-Za-z0-9._:\-]{1,64}").fullmatch
_is_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


# Contests and their candidates, as far as a ballot names them.
Selections = tuple[tuple[str, tuple[str, ...]], ...]


class Ballot(NamedTuple):
    """A well-formed ballot."""

    election_id: str
    ballot_id: str
    voter_id: str
    precinct_id: str
    ballot_style_id: str
    method: str
    selections: Selections


def read_ballot(value: bytes | None) -> Ballot | None:
    """Read a message; None where it is not a ballot of the schema, whatever it is."""
    if value is None or len(value) > MAX_BYTES:
        return None
    try:
        text = value.decode("utf-8", "strict")
        found = _BALLOT.fullmatch(text)
        if found is None:
            return None
        caught = found.groups()
        names, texts, lists = caught[0::3], caught[1::3], caught[2::3]
        if "\\" in text:
            names = tuple(map(_unescaped, names))
            texts = tuple(letters and _unescaped(letters) for letters in texts)
        return _ballot(dict(zip(names, texts, strict=True)), [one for one in lists if one])
    except UnicodeError:  # bytes that are not UTF-8, or an escape that is half of a character
        return None


def _ballot(texts: Mapping[str, Any], lists: list[str]) -> Ballot | None:
    """Return a ballot of its fields' texts, None for the one that has lists; None where it is none."""
    if texts.keys() != _FIELDS or texts["selections"] is not None or len(lists) != 1:
        return None
    election_id, voter_id = texts["election_id"], texts["voter_id"]
    precinct_id, ballot_style_id, ballot_id = texts["precinct_id"], texts["ballot_style_id"], texts["ballot_id"]
    if not (_is_id(election_id) and _is_id(voter_id) and _is_id(precinct_id) and _is_id(ballot_style_id)):
        return None
    if not _is_uuid(ballot_id) or len(texts["cast_at"]) > MAX_CAST_AT_LENGTH:
        return None
    selections = _selections(lists[0])
    if selections is None:
        return None
    return Ballot(election_id, ballot_id, voter_id, precinct_id, ballot_style_id, texts["method"], selections)


# Voters mark their ballots like each other.
@lru_cache(maxsize=10_000)
def _selections(lists: str) -> Selections | None:
    selections = tuple(
        (_unescaped(contest_id), tuple(map(_unescaped, _STRINGS.findall(chosen))))
        for contest_id, chosen in _CONTESTS.findall(lists)
    )
    if len(dict(selections)) != len(selections):
        return None
    for contest_id, chosen in selections:
        if not all(map(_is_id, (contest_id, *chosen))) or len(set(chosen)) != len(chosen):
            return None
    return selections


def _unescaped(letters: str) -> str:
    """Return what a JSON string says; raise UnicodeError where escapes leave half of a pair of surrogates."""
    if "\\" not in letters:
        return letters
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED[found[2]], letters)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")
