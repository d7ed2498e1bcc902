"""Election folders and files to load that are nearly right: values that hurt, and changes that Hypothesis draws."""

import csv
import io
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import strategies as st

from election_assets.domain.plain_text import CONTROLS

FOLDER_FILES = (
    "election.yaml",
    "reporting_units.csv",
    "ballot_styles.csv",
    "official_results.csv",
    "official_ballots.csv",
    "contradictions.csv",
)
TEXTS = (
    "", " ", "\0", "\n", "\r", "a\nb", "a\rb", "\t", "\x1b[2J", "\x9b2J", "\x7f", "\u202eevil", "\u2066", "\u2028",
    "\ufeff", "e\u0301", "é", "\u200d", "🗳️", "-1", "-0", "+1", "1.5", "1e9", "nan", "inf", ".inf", "0x10", "0o7",
    "1_000", "1,000", "١", "２", "2147483647", "2147483648", "-2147483649", "9" * 20, "9" * 5_000, "=1+1", "@SUM(1)",
    "=cmd|'/c calc'!A0", "'; drop table ledger.tallies; --", "<script>alert(1)</script>", "%s", "{}", "..", ".",
    "../..", "/etc/passwd", "x" * 64, "x" * 65, "x" * 1_001, "x" * 10_001, "x" * 140_000, "precinct", "county",
    "north", "mayor", "total", "mail", '"', "'", ",", ":", "a:b", "a: b", "- a", "{", "[", "&a", "*a",
    "!!python/name:os.system", "|", ">", "# a", "~", "null", "true", "No", "2024-02-30", "2024-05-21", "0001-01-01",
    "9999-12-31T23:59:59+14:00", "2024-05-21T24:00", "<<", "---", "...", "\\", "\\N", '""', "\\ud800", "2024-W01-1",
)  # fmt: skip
TOKENS = (
    b"", b'"', b"'", b",", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\x1b", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xc2\x85", b":", b": ", b"- ", b"? ", b"[", b"]",
    b"{", b"}", b"[" * 2_000, b"{a: " * 2_000, b"- " * 2_000, b"&a ", b"*a", b"<<: *a",
    b"!!python/object/apply:os.system ", b"!", b"|", b">", b"#", b"%YAML 9.9\n---\n", b"--- \n", b"...\n", b"\t",
    b"@", b"`", b'"\\UFFFFFFFF"', b'"\\ud800"', b"x" * 70_000, b"{}", b'"":', b"null", b"NaN", b"1e400", b"\\",
)  # fmt: skip
VALUES = st.sampled_from(TEXTS) | st.sampled_from(
    [None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, float("nan"), float("inf")]
) | st.sampled_from([[], {}, [[]], [{}], {"id": "a"}, {1: 2}, ["a"] * 3])  # fmt: skip

Rows = list[list[str]]


@st.composite
def spoiled(draw: st.DrawFn, tree: Any) -> Any:
    """Change one place of a document of lists and mappings: drop, repeat, swap, rename or replace what stands there."""
    tree = deepcopy(tree)
    node = tree
    while True:
        places = list(node if isinstance(node, dict) else range(len(node)))
        if not places:
            return tree
        at = draw(st.sampled_from(places))
        if isinstance(node[at], dict | list) and draw(st.integers(0, 3)):
            node = node[at]
            continue
        way = draw(st.sampled_from(["drop", "swap", "repeat", "rename", "replace", "replace"]))
        other = draw(st.sampled_from(places))
        if way == "drop":
            del node[at]
        elif way == "swap":
            node[at], node[other] = node[other], node[at]
        elif way == "repeat" and isinstance(node, list):
            node.insert(other, draw(st.sampled_from([node[at], deepcopy(node[at])])))
        elif way == "rename" and isinstance(node, dict):
            node[draw(st.sampled_from(TEXTS))] = node.pop(at)
        else:
            node[at] = draw(VALUES)
        return tree


@st.composite
def spoiled_rows(draw: st.DrawFn, rows: Rows) -> Rows:
    """Change one place of a table, its header among it."""
    rows = [list(row) or [""] for row in rows] or [[""]]
    at, other = (draw(st.integers(0, len(rows) - 1)) for _ in range(2))
    cell = draw(st.integers(0, len(rows[at]) - 1))
    match draw(st.sampled_from(["row", "again", "swap", "cell", "more", "column", "value", "value", "value", "value"])):
        case "row":
            del rows[at]
        case "again":
            rows.insert(other, list(rows[at]))
        case "swap":
            rows[at], rows[other] = rows[other], rows[at]
        case "cell":
            del rows[at][cell]
        case "more":
            text = draw(st.sampled_from(TEXTS))
            rows[at] += [text] * (1 if len(text) > 100 else draw(st.sampled_from([1, 3, 1_000])))
        case "column":
            rows = [[*row[:cell], *row[cell + 1 :]] if draw(st.booleans()) else [*row, *row[:1]] for row in rows]
        case _:
            rows[at][cell] = draw(st.sampled_from(TEXTS))
    return rows


@st.composite
def spoiled_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Change one place of a file: tokens and single bytes in place of a few or of none."""
    at = draw(st.integers(0, len(data)))
    until = min(len(data), at + draw(st.sampled_from([0, 0, 1, 1, 5, 40, len(data)])))
    return data[:at] + draw(st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=2)) + data[until:]


def as_yaml(tree: Any, *, is_plain: bool = True) -> bytes:
    """Spell a document as YAML: what stands in it twice has an anchor."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=is_plain).encode("utf-8", "surrogatepass")


def as_csv(rows: Iterable[Sequence[str]], end: str = "\n") -> bytes:
    """Spell rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def from_csv(data: bytes) -> Rows:
    """Read what `as_csv` spelled."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def texts_in(value: object) -> Iterable[str]:
    """Yield every text in dataclasses, tuples and the like."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from texts_in(one)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts_in(getattr(value, name))


@contextmanager
def soon(seconds: float = 3) -> Iterator[None]:
    """Claim that the body takes no longer, in time of this process: others may be busy."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def assert_says_where(said: str) -> None:
    """Claim that each problem of an election folder names its file, or is about the official figures together."""
    assert_is_for_people(said)
    for problem in said.splitlines()[1:]:
        assert problem.startswith(("- official figures: ", "… and ", *(f"- {name}" for name in FOLDER_FILES))), problem


def assert_is_for_people(text: str, most: int = 60_000) -> None:
    """Claim that a text may go to a screen and a log: no control character but line breaks, and not endless."""
    assert not CONTROLS.search(text.replace("\n", "")), ascii(text)[:2_000]
    assert re.search(r"[.\"')]\Z", text), text[-200:]
    assert len(text) <= most
