"""Claims about files to load that Hypothesis spoils: each line is taken or listed, and nothing else is raised."""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.ballot import read_ballot
from election_assets.domain.election import ID_PATTERN
from election_assets.domain.plain_text import CONTROLS
from election_assets.errors import PermanentError
from election_assets.loading import ballots, candidates, voters
from election_assets.loading.rows import BadRow, Columns, Row, read_rows
from election_assets.loading.sieve import ErrorFile, Sieve
from tests.support.ballots import draft
from tests.support.elections import frozen, made_election, roll_of
from tests.support.hostile import (
    TEXTS,
    as_csv,
    assert_is_for_people,
    from_csv,
    soon,
    spoiled,
    spoiled_bytes,
    spoiled_rows,
    texts_in,
)

ELECTION = made_election("town-2026", voters_each=4)
STYLES = {"north": {"full": (2, 1), "short": (2, 2)}, "south": {"full": (3, 1)}}

Records = list[dict[str, Any]]


class Kind(NamedTuple):
    """A kind of file: its columns, good records of it, and who tells good rows from bad ones."""

    columns: Columns
    records: Records
    sift: Callable[[], Callable[[list[Row]], tuple[list[Any], list[BadRow]]]]


def _sift_voters() -> Callable[[list[Row]], tuple[list[Any], list[BadRow]]]:
    def sift(rows: list[Row]) -> tuple[list[Any], list[BadRow]]:
        read = [voters.read_voter(row, STYLES, date(2026, 11, 3)) for row in rows]
        return [one for one in read if not isinstance(one, BadRow)], [one for one in read if isinstance(one, BadRow)]

    return sift


KINDS = {
    "voters": Kind(
        voters.COLUMNS,
        [
            {"voter_id": "v1", "precinct_id": "south", "full_name": "Ann Example", "birth_date": "1980-02-29"},
            {"voter_id": "v2", "precinct_id": "north", "ballot_style_id": "full", "gender": "female"},
            {"voter_id": "v3", "precinct_id": "south", "age_group": "65+", "full_name": 'Bo "B" Example, jr.'},
        ],
        _sift_voters,
    ),
    "candidates": Kind(
        candidates.COLUMNS,
        [
            {"contest_id": "mayor", "candidate_id": "cy", "candidate_name": "Cy", "party": "RED"},
            {"contest_id": "mayor", "candidate_id": "di", "candidate_name": "Di", "is_write_in": "true"},
            {"contest_id": "bridge", "candidate_id": "yes", "candidate_name": "Yes"},
        ],
        lambda: candidates.BallotPapers({"mayor": {"ann": 1}, "bridge": {}}).sift,
    ),
    "ballots": Kind(
        ballots.COLUMNS,
        [dict(draft(ELECTION, one, {"mayor": ["ann"]}).fields) for one in roll_of(ELECTION)[:3]],
        lambda: ballots.BallotBox(*frozen(ELECTION)).sift,
    ),
}  # fmt: skip


def as_json_lines(records: Records) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def as_table(records: Records) -> bytes:
    names = list(dict.fromkeys(name for one in records for name in one))
    cells = [[one.get(name, "") for name in names] for one in records]
    return as_csv([names, *([one if isinstance(one, str) else json.dumps(one) for one in row] for row in cells)])


@st.composite
def spoiled_files(draw: st.DrawFn, kind: Kind, suffix: str) -> bytes:
    records = kind.records * draw(st.integers(1, 2))
    if suffix == ".csv":
        rows = from_csv(as_table(records))
        for _ in range(draw(st.integers(0, 3))):
            rows = draw(spoiled_rows(rows))
        data = as_csv(rows, end=draw(st.sampled_from(["\n", "\r\n"])))
    else:
        for _ in range(draw(st.integers(0, 3))):
            records = draw(spoiled(records)) or records
        data = b"".join(as_line(one) for one in records)
    for _ in range(draw(st.integers(0, 2))):
        data = draw(spoiled_bytes(data))
    return data


def as_line(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def unread_lines(data: bytes, rows: list[Row | BadRow]) -> list[bytes]:
    """The lines of a file that no row has and that are not blank: the header alone."""
    lines = data.split(b"\n")
    read: set[int] = set()
    for row in rows:
        text = row.text if isinstance(row, Row) else row.row
        own = range(row.line, row.line + 1 + text.count("\n"))
        assert not read.intersection(own)
        read.update(own)
    return [line for number, line in enumerate(lines, 1) if number not in read and line.decode().strip()]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_line_is_taken_or_listed_with_its_number_and_reason(
    tmp_path: Path, kind: str, suffix: str, data: st.DataObject
) -> None:
    columns, _, made = KINDS[kind]
    file = tmp_path / f"{kind}{suffix}"
    content = data.draw(spoiled_files(KINDS[kind], suffix))
    file.write_bytes(content)
    place = tmp_path / "errors.csv"
    try:
        with soon():
            rows = list(read_rows(file, columns))
    except PermanentError as error:
        assert_is_for_people(str(error), most=1_000)
        return
    assert len(unread_lines(content, rows)) == (1 if suffix == ".csv" else 0)
    with ErrorFile(place) as errors:
        sieve = Sieve(file, errors, lambda _done, _total: None)
        good = [one for lot in sieve.lots(columns, made()) for one in lot]
    assert len(good) + errors.reasons.total() == len(rows)
    assert_is_sound(kind, good)
    assert_lists(place, errors.reasons.total(), {row.line for row in rows})


def assert_is_sound(kind: str, good: list[Any]) -> None:
    if kind == "ballots":
        assert all(read_ballot(value) for _, value in good)
        return
    assert not any(CONTROLS.search(text) or len(text) > 1_000 for text in texts_in(good))
    if kind == "voters":
        assert all(ID_PATTERN.match(one.voter_id) and one.ballot_style_id in STYLES[one.precinct_id] for one in good)
    else:
        ids = [(one.contest_id, one.candidate_id) for one in good]
        assert len(set(ids)) == len(ids)
        assert all(ID_PATTERN.match(one.candidate_id) and one.candidate_name for one in good)


def assert_lists(place: Path, number: int, lines: set[int]) -> None:
    """The error file has so many rows, of these lines, and nothing that a terminal or a spreadsheet would run."""
    assert place.exists() == bool(number)
    if not number:
        return
    text = place.read_bytes().decode()
    assert not CONTROLS.search(text.translate({ord(one): None for one in "\t\r\n"}))
    with place.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert len(listed) == number
    for one in listed:
        assert int(one["line"]) in lines
        assert one["reason"]
        assert_is_for_people(one["explanation"], most=3_000)
        assert not one["row"].startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_spoiled_is_good_at_first(tmp_path: Path, kind: str) -> None:
    columns, records, made = KINDS[kind]
    for name, data in {"good.csv": as_table(records), "good.jsonl": as_json_lines(records)}.items():
        (tmp_path / name).write_bytes(data)
        rows = list(read_rows(tmp_path / name, columns))
        good, bad = made()([row for row in rows if isinstance(row, Row)])
        assert (len(good), bad) == (len(records), [])


@pytest.mark.parametrize("text", TEXTS, ids=[ascii(text)[:30] for text in TEXTS])
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_in_any_place_is_taken_or_refused(tmp_path: Path, kind: str, text: str) -> None:
    columns, records, made = KINDS[kind]
    spoilt = [{**records[0], name: text} for name in columns.known] + [{**records[0], text: "a"}]
    (tmp_path / "a.jsonl").write_bytes(as_json_lines(spoilt))
    with ErrorFile(tmp_path / "errors.csv") as errors:
        lots = Sieve(tmp_path / "a.jsonl", errors, lambda _done, _total: None).lots(columns, made())
        good = [one for lot in lots for one in lot]
    assert len(good) + errors.reasons.total() == len(spoilt)
    assert_is_sound(kind, good)
    assert_lists(tmp_path / "errors.csv", errors.reasons.total(), set(range(1, len(spoilt) + 1)))
