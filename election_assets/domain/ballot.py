"""The ballot as it travels, and the rules for reading one.

No client library here: Kafka, Spark and Dagster all depend on this module, so what counts
as a well-formed ballot is decided in exactly one place, `read_ballot`. `read_plain_ballot`
is its fast half for the messages that producers really send.
"""

import json
import re
from typing import Any

import msgspec

from election_assets.domain.election import ID_PATTERN

MAX_BALLOT_BYTES = 16 * 1024
MAX_CAST_AT_LENGTH = 40
UUID_LENGTH = 36
UUID_PATTERN = re.compile(r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")

Selections = dict[str, list[str]]


class Ballot(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One voter's selections. `ballot_id` survives retries: a re-sent ballot is the same ballot."""

    election_id: str
    ballot_id: str
    voter_id: str
    precinct_id: str
    ballot_style_id: str
    method: str
    cast_at: str
    selections: msgspec.Raw


_FIELDS = frozenset(Ballot.__struct_fields__)
# Eight keys and seven string values, two quotes each: with a repeated key there would be more.
_QUOTES_OUTSIDE_SELECTIONS = 30
_decode = msgspec.json.Decoder(Ballot).decode


def encode_ballot(
    *,
    election_id: str,
    ballot_id: str,
    voter_id: str,
    precinct_id: str,
    ballot_style_id: str,
    method: str,
    cast_at: str,
    selections: Selections,
) -> bytes:
    """Spell a ballot as its message value."""
    return msgspec.json.encode(
        Ballot(
            election_id,
            ballot_id,
            voter_id,
            precinct_id,
            ballot_style_id,
            method,
            cast_at,
            msgspec.Raw(msgspec.json.encode(selections)),
        )
    )


def read_ballot(value: bytes | None) -> Ballot | None:
    """Read one message strictly; None for whatever is not a ballot by DESIGN §4, never an exception.

    The value may be anything: None (a tombstone, or a message too large to be handed on),
    not JSON, not UTF-8, repeated keys also where escapes hide them, lone surrogates, any depth.
    """
    if value is None or len(value) > MAX_BALLOT_BYTES:
        return None
    try:
        return _ballot_from(read_json(value.decode()))
    except (ValueError, RecursionError):
        return None


def read_plain_ballot(value: bytes | None) -> Ballot | None:
    """Read a message without escapes and with each key once, 8 times as fast; None if it is not so plain.

    Says nothing about ids and selections: for a ballot whose ids are known and whose
    selections `read_selections` accepts, `read_ballot` reads the same. What is refused here
    may still be well-formed.
    """
    if value is None or len(value) > MAX_BALLOT_BYTES or b"\\" in value:
        return None
    try:
        ballot = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    quotes = value.count(b'"') - bytes(ballot.selections).count(b'"')
    return ballot if quotes == _QUOTES_OUTSIDE_SELECTIONS else None


def read_selections(raw: bytes) -> Selections | None:
    """Read the selections of a ballot: contest → candidates, each named once; None if they are not that."""
    try:
        return _selections_from(read_json(raw.decode()))
    except (ValueError, RecursionError):
        return None


def read_json(text: str) -> Any:
    """Read RFC 8259 JSON with each key once at every level; ValueError or RecursionError for whatever is not that."""
    return json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_refuse_constant)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is repeated")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _ballot_from(fields: object) -> Ballot:
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise ValueError("not an object of the schema")
    selections = _selections_from(fields["selections"])
    texts = [value for name, value in fields.items() if name != "selections"]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a field is not a string")
    for text in texts:
        text.encode()  # a lone surrogate cannot be encoded, and UnicodeEncodeError is a ValueError
    ids = (fields["election_id"], fields["voter_id"], fields["precinct_id"], fields["ballot_style_id"])
    if not all(ID_PATTERN.match(text) for text in ids):
        raise ValueError("an id is not spelled as one")
    if not UUID_PATTERN.match(fields["ballot_id"]) or len(fields["cast_at"]) > MAX_CAST_AT_LENGTH:
        raise ValueError("ballot_id or cast_at is not spelled as one")
    return Ballot(**{**fields, "selections": msgspec.Raw(msgspec.json.encode(selections))})


def _selections_from(value: object) -> Selections:
    if not isinstance(value, dict):
        raise ValueError("selections are not an object")
    for contest_id, candidate_ids in value.items():
        if not isinstance(candidate_ids, list):
            raise ValueError("a contest's selections are not a list")
        if not all(isinstance(name, str) and ID_PATTERN.match(name) for name in (contest_id, *candidate_ids)):
            raise ValueError("an id is not spelled as one")
        if len(set(candidate_ids)) != len(candidate_ids):
            raise ValueError("a candidate is named twice in a contest")
    return value
