"""Values of messages, by name: ballots oddly spelled but well-formed, and everything that is `malformed`."""

import json
from typing import Any

from election_assets.domain.ballot import MAX_BALLOT_BYTES

Fields = dict[str, Any]


def _spelled(fields: Fields, **changes: Any) -> bytes:
    return json.dumps({**fields, **changes}, separators=(",", ":"), ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def _with(value: bytes, old: str, new: str | bytes) -> bytes:
    assert value.count(old.encode()) == 1, old
    return value.replace(old.encode(), new.encode() if isinstance(new, str) else new)


def well_formed(fields: Fields) -> dict[str, bytes]:
    """Return spellings of the same ballot, all of them RFC 8259 and of the schema."""
    plain = _spelled(fields)
    text = json.dumps(fields)
    voter = fields["voter_id"]
    return {
        "plain": plain,
        "with spaces": text.encode(),
        "indented with every kind of white space": json.dumps(fields, indent="\t").replace("\n", "\r\n ").encode(),
        "keys in another order": _spelled(dict(reversed(fields.items()))),
        "keys escaped": _with(plain, '"cast_at"', f'"{_escaped("cast_at")}"'),
        "an id escaped": _with(plain, f'"{voter}"', f'"{_escaped(voter)}"'),
        "cast_at empty": _spelled(fields, cast_at=""),
        "cast_at is no time": _spelled(fields, cast_at="yesterday, around noon"),
        "cast_at of 40 characters": _spelled(fields, cast_at="x" * 40),
        "cast_at of 40 characters, 160 bytes": _spelled(fields, cast_at="🗳" * 40),
        "cast_at with quotes and an escaped NUL": _with(plain, f'"{fields["cast_at"]}"', r'"a \"quoted\" \u0000 time"'),
        "cast_at with a pair of surrogates": _with(plain, f'"{fields["cast_at"]}"', r'"\ud83d\uddf3"'),
        "exactly 16 KiB": plain + b" " * (MAX_BALLOT_BYTES - len(plain)),
    }


def malformed(fields: Fields) -> dict[str, bytes | None]:
    """Return values that are no ballots, though most of them nearly are."""
    plain = _spelled(fields)
    return {
        **_not_json(plain),
        **_wrong_encoding(plain, fields),
        **_wrong_shape(plain, fields),
        **_repeated_keys(plain, fields),
        **_wrong_texts(plain, fields),
    }


def _not_json(plain: bytes) -> dict[str, bytes | None]:
    return {
        "a tombstone": None,
        "empty": b"",
        "white space": b"  \n",
        "cut short": plain[:-1],
        "two ballots": plain + plain,
        "a NUL after it": plain + b"\0",
        "a comma at the end": plain[:-1] + b",}",
        "single quotes": plain.replace(b'"', b"'"),
        "a comment": plain + b"// counted?",
        "NaN": _with(plain, '"selections":{}', '"selections":NaN'),
        "Infinity": b"-Infinity",
        "Avro-like binary": bytes(range(256)),
        "16 KiB and a byte": plain + b" " * (MAX_BALLOT_BYTES + 1 - len(plain)),
        "nearly 64 KiB": plain + b" " * (64 * 1024 - 512 - len(plain)),
        "deep nesting of lists": b"[" * 8000,
        "deep nesting of objects": b'{"selections":' * 1000,
        "deep nesting in a ballot": _with(plain, '"selections":{}', b'"selections":' + b'{"a":' * 2000),
        "a form feed as white space": b"\x0c" + plain,
        "a no-break space as white space": "\u00a0".encode() + plain,
    }


def _wrong_encoding(plain: bytes, fields: Fields) -> dict[str, bytes | None]:
    cast_at = f'"{fields["cast_at"]}"'
    return {
        "a byte order mark": b"\xef\xbb\xbf" + plain,
        "UTF-16": plain.decode().encode("utf-16"),
        "UTF-16 without a mark": plain.decode().encode("utf-16-le"),
        "UTF-32": plain.decode().encode("utf-32-be"),
        "Latin-1": _with(plain, cast_at, b'"\xe9"'),
        "overlong UTF-8": _with(plain, cast_at, b'"\xc0\xaf"'),
        "a lone surrogate as UTF-8": _with(plain, cast_at, b'"\xed\xa0\x80"'),
        "a lone surrogate, escaped": _with(plain, cast_at, r'"\ud800"'),
        "surrogates in the wrong order": _with(plain, cast_at, r'"\uddf3\ud83d"'),
        "beyond Unicode": _with(plain, cast_at, b'"\xf5\x80\x80\x80"'),
        "a raw line feed in a string": _with(plain, cast_at, '"a\nb"'),
        "a raw NUL in a string": _with(plain, cast_at, '"a\0b"'),
        "a bad escape": _with(plain, cast_at, r'"\x41"'),
        "bad UTF-8 in the selections": _with(plain, '"selections":{}', b'"selections":{"\xff":[]}'),
    }


def _wrong_shape(plain: bytes, fields: Fields) -> dict[str, bytes | None]:
    texts = [name for name in fields if name != "selections"]
    return {
        "a number": b"1e400",
        "a huge number": b"1" * 5000,
        "a string": b'"ballot"',
        "null": b"null",
        "a list of ballots": b"[" + plain + b"]",
        "an unknown key": _spelled(fields, remark="hello"),
        "an empty key": _spelled(fields, **{"": ""}),
        **{
            f"{name} missing": _spelled({one: value for one, value in fields.items() if one != name}) for name in fields
        },
        **{f"{name} null": _spelled(fields, **{name: None}) for name in fields},
        **{f"{name} a number": _spelled(fields, **{name: 7}) for name in texts},
        "cast_at is 1e400": _with(plain, f'"{fields["cast_at"]}"', "1e400"),
        "selections a list": _spelled(fields, selections=[]),
        "selections a string": _spelled(fields, selections="ann"),
        "a contest without a list": _spelled(fields, selections={"mayor": "ann"}),
        "a contest with null": _spelled(fields, selections={"mayor": None}),
        "a contest with an object": _spelled(fields, selections={"mayor": {"ann": 1}}),
        "a candidate that is a number": _spelled(fields, selections={"mayor": [1]}),
        "a candidate that is NaN": _with(plain, '"selections":{}', '"selections":{"mayor":[NaN]}'),
        "a candidate that is null": _spelled(fields, selections={"mayor": [None]}),
        "five deep": _spelled(fields, selections={"mayor": [["ann"]]}),
        "a candidate twice": _spelled(fields, selections={"mayor": ["ann", "ann"]}),
        "a candidate twice, once escaped": _with(
            plain, '"selections":{}', f'"selections":{{"mayor":["ann","{_escaped("ann")}"]}}'
        ),
    }


def _repeated_keys(plain: bytes, fields: Fields) -> dict[str, bytes | None]:
    method = f'"method":"{fields["method"]}"'
    return {
        "a repeated key": _with(plain, method, f'"method":"mail",{method}'),
        "a repeated key with the same value": _with(plain, method, f"{method},{method}"),
        "a repeated key, once escaped": _with(plain, method, f'"{_escaped("method")}":"mail",{method}'),
        "selections repeated": _with(plain, '"selections":{}', '"selections":{"mayor":["ann"]},"selections":{}'),
        "selections repeated, empty": _with(plain, '"selections":{}', '"selections":{},"selections":{}'),
        "a contest repeated": _with(plain, '"selections":{}', '"selections":{"mayor":["ann"],"mayor":["bob"]}'),
        "a contest repeated, once escaped": _with(
            plain, '"selections":{}', f'"selections":{{"mayor":["ann"],"{_escaped("mayor")}":["ann"]}}'
        ),
        "a contest repeated, empty": _with(plain, '"selections":{}', '"selections":{"mayor":[],"mayor":[]}'),
        "a key repeated in a nested object": _with(plain, '"selections":{}', '"selections":{"mayor":[{"a":1,"a":2}]}'),
    }


def _wrong_texts(plain: bytes, fields: Fields) -> dict[str, bytes | None]:
    ids = ("election_id", "voter_id", "precinct_id", "ballot_style_id")
    ballot_id = fields["ballot_id"]
    return {
        **{f"{name} with a line feed at the end": _spelled(fields, **{name: fields[name] + "\n"}) for name in ids},
        **{f"{name} with a NUL at the end": _spelled(fields, **{name: fields[name] + "\0"}) for name in ids},
        **{f"{name} empty": _spelled(fields, **{name: ""}) for name in ids},
        **{f"{name} of 65 letters": _spelled(fields, **{name: "x" * 65}) for name in ids},
        "an id with a space": _spelled(fields, precinct_id="the north"),
        "an id with an umlaut": _spelled(fields, precinct_id="nörd"),
        "an id with Arabic digits": _spelled(fields, precinct_id="north٣"),
        "a contest id with a space": _spelled(fields, selections={"the mayor": []}),
        "an empty contest id": _spelled(fields, selections={"": []}),
        "a contest id with a line feed": _spelled(fields, selections={"mayor\n": []}),
        "a candidate id with a line feed": _spelled(fields, selections={"mayor": ["ann\n"]}),
        "an empty candidate id": _spelled(fields, selections={"mayor": [""]}),
        "ballot_id in upper case": _spelled(fields, ballot_id=ballot_id.upper()),
        "ballot_id without hyphens": _spelled(fields, ballot_id=ballot_id.replace("-", "")),
        "ballot_id in braces": _spelled(fields, ballot_id="{" + ballot_id + "}"),
        "ballot_id as a URN": _spelled(fields, ballot_id="urn:uuid:" + ballot_id),
        "ballot_id with a line feed": _spelled(fields, ballot_id=ballot_id + "\n"),
        "ballot_id with a letter g": _spelled(fields, ballot_id="g" + ballot_id[1:]),
        "ballot_id with hyphens elsewhere": _spelled(fields, ballot_id=ballot_id[1:] + ballot_id[0]),
        "ballot_id of wide digits": _spelled(fields, ballot_id="１" + ballot_id[1:]),
        "cast_at of 41 characters": _spelled(fields, cast_at="x" * 41),
    }
