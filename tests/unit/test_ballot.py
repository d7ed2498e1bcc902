"""Claims about reading ballots: total, strict, and the fast half agrees with the definition."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from election_assets.domain.ballot import (
    MAX_CAST_AT_LENGTH,
    UUID_PATTERN,
    Ballot,
    encode_ballot,
    read_ballot,
    read_plain_ballot,
    read_selections,
)
from election_assets.domain.election import ID_PATTERN
from tests.support import spellings

FIELDS: dict[str, Any] = {
    "election_id": "town-2026",
    "ballot_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "voter_id": "v1x.Y_z:9-",
    "precinct_id": "north",
    "ballot_style_id": "full",
    "method": "election_day",
    "cast_at": "2026-11-03T09:00:00Z",
    "selections": {},
}
IDS = ("election_id", "voter_id", "precinct_id", "ballot_style_id")
WELL_FORMED = spellings.well_formed(FIELDS)
MALFORMED = spellings.malformed(FIELDS)
VOTED = json.dumps({**FIELDS, "selections": {"mayor": ["ann"], "council": ["dan", "eve"]}}, separators=(",", ":"))

ids = st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z")
ballots = st.fixed_dictionaries(
    {
        **dict.fromkeys(IDS, ids),
        "ballot_id": st.uuids().map(str),
        "method": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "cast_at": st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
        "selections": st.dictionaries(ids, st.lists(ids, unique=True, max_size=3), max_size=3),
    }
)
pieces = st.sampled_from(
    rb"""{ } [ ] " , : \ \u0061 \ud800 "mayor" "method":"mail", "selections":{}, ann NaN 1e400 null""".split()
    + b" |\0|\n|\xff|\xef\xbb\xbf".split(b"|")
)


@st.composite
def nearly_ballots(draw: st.DrawFn) -> bytes:
    """A voted ballot with a few places cut out, put twice or written over."""
    value = VOTED.encode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(value)))
        stop = draw(st.integers(start, min(len(value), start + 40)))
        kept = draw(st.sampled_from([b"", value[start:stop]]))
        value = value[:start] + kept + draw(pieces | st.just(value[start:stop])) + value[stop:]
    return value


def read_as_fields(value: bytes | None) -> dict[str, Any] | None:
    ballot = read_ballot(value)
    return None if ballot is None else as_fields(ballot)


def as_fields(ballot: Ballot) -> dict[str, Any]:
    texts = {name: getattr(ballot, name) for name in FIELDS if name != "selections"}
    return {**texts, "selections": json.loads(bytes(ballot.selections))}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_ballot_is_read_however_it_is_spelled(name: str) -> None:
    read = read_as_fields(WELL_FORMED[name])
    assert read is not None
    assert {**read, "cast_at": FIELDS["cast_at"]} == FIELDS


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_ballot_is_refused_by_both_readers(name: str) -> None:
    value = MALFORMED[name]
    assert read_ballot(value) is None
    assert read_at_first_sight(value) is None


@given(ballots)
def test_a_ballot_reads_as_it_was_written(fields: dict[str, Any]) -> None:
    for value in (encode_ballot(**fields), json.dumps(fields).encode(), json.dumps(fields, indent=1).encode()):
        assert read_as_fields(value) == fields


@given(st.binary() | nearly_ballots())
def test_reading_is_total(value: bytes) -> None:
    ballot = read_ballot(value)
    assert ballot is None or isinstance(ballot, Ballot)
    read_plain_ballot(value)
    read_selections(value)


@given(nearly_ballots() | ballots.map(lambda fields: json.dumps(fields, ensure_ascii=False).encode()))
def test_what_the_fast_reader_accepts_the_definition_reads_the_same(value: bytes) -> None:
    fast = read_at_first_sight(value)
    if fast is not None:
        assert read_as_fields(value) == fast


@given(nearly_ballots())
def test_what_is_read_is_strict_json_with_each_key_once(value: bytes) -> None:
    if read_ballot(value) is not None:
        seen: list[list[str]] = []
        json.loads(value.decode("utf-8", "strict"), object_pairs_hook=lambda pairs: seen.append([k for k, _ in pairs]))
        assert all(len(set(keys)) == len(keys) for keys in seen)


def read_at_first_sight(value: bytes | None) -> dict[str, Any] | None:
    """What `Judge.judge` may take without asking the definition: the registry's ids are all spelled as ids."""
    ballot = read_plain_ballot(value)
    if ballot is None or read_selections(bytes(ballot.selections)) is None:
        return None
    fields = as_fields(ballot)
    known = all(ID_PATTERN.match(fields[name]) for name in IDS) and UUID_PATTERN.match(ballot.ballot_id)
    return fields if known and len(ballot.cast_at) <= MAX_CAST_AT_LENGTH else None
