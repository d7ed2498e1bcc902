"""Claims about the rows of files to load: each is good or has a line number and a reason, whatever the file holds."""

import csv
import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.loading.lines import MAX_LINE_BYTES, MAX_LINES_OF_A_RECORD
from election_assets.loading.rows import MAX_TEXT_LENGTH, BadRow, Columns, Row, read_rows
from election_assets.loading.sieve import ErrorFile, Sieve

COLUMNS = Columns(required=("a", "b"), optional=("c", "flag", "object"), flags=("flag",), objects=("object",))
TEXTS = Columns(required=("a", "b"))

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Write bytes into a file of this name."""
    folder = tmp_path_factory.mktemp("rows")

    def written(data: bytes, name: str = "rows.csv") -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return written


def values(rows: list[Row | BadRow]) -> list[dict[str, Any] | str]:
    """The values of good rows, the explanation of bad ones."""
    return [row.values if isinstance(row, Row) else row.explanation for row in rows]


def test_a_csv_file_is_read_with_and_without_a_byte_order_mark_and_with_either_line_end(write: Write) -> None:
    for data in (b"b,a\n2,1\n", b"\xef\xbb\xbfb,a\r\n2,1\r\n", b"b,a\n\n2,1", b'"b","a"\n"2","1"\n\n'):
        (row,) = read_rows(write(data), TEXTS)
        assert isinstance(row, Row)
        assert row.values == {"a": "1", "b": "2"}


def test_json_lines_are_read_with_their_flags_objects_and_nulls(write: Write) -> None:
    lines = b'\xef\xbb\xbf{"a":"1","b":"","c":null,"flag":true,"object":{"x":[]}}\r\n \n{"a":"2","b":"\\u00e9"}'
    for name in ("rows.jsonl", "rows.ndjson", "rows.JSONL"):
        rows = list(read_rows(write(lines, name), COLUMNS))
        assert values(rows) == [{"a": "1", "b": "", "flag": "true", "object": {"x": []}}, {"a": "2", "b": "é"}]
        assert [row.line for row in rows] == [1, 3]


def test_a_row_of_several_lines_has_the_number_of_its_first_and_the_text_of_all(write: Write) -> None:
    rows = list(read_rows(write(b'a,b\n"one\ntwo","x ""y"""\n3,4\n'), TEXTS))
    assert [row.line for row in rows] == [2, 4]
    assert values(rows) == [{"a": "one\ntwo", "b": 'x "y"'}, {"a": "3", "b": "4"}]
    assert isinstance(rows[0], Row)
    assert rows[0].text == '"one\ntwo","x ""y"""'


BROKEN_CSV = {
    b"x": "The row has 1 cells, the header 2",
    b"x,y,z": "The row has 3 cells, the header 2",
    b"\xff,y": "not UTF-8: byte 0xff at 0",
    b"x,\xc3": "not UTF-8: byte 0xc3 at 2",
    b"x,\x00y": "holds a NUL",
    b'"x,y': "The line is not CSV",
    b'"x"y,z': "The line is not CSV: ',' expected",
    b"x\ry,z": "The line is not CSV: new-line",
    b"x," + b"y" * (MAX_TEXT_LENGTH + 1): "b has 1,001 characters: write no more than 1,000",
    b"x," + b"y" * MAX_LINE_BYTES: "longer than 65,536 bytes",
    b"x," + b"y" * (3 * MAX_LINE_BYTES): "longer than 65,536 bytes",
}


@pytest.mark.parametrize(("line", "said"), BROKEN_CSV.items(), ids=[*BROKEN_CSV.values()])
@pytest.mark.parametrize("after", [b"3,4\n5,6\n", b'3,4\n"5\n",6\n', b""])
def test_a_broken_line_of_csv_costs_no_other_row(write: Write, line: bytes, said: str, after: bytes) -> None:
    rows = list(read_rows(write(b"a,b\n1,2\n" + line + b"\n" + after), TEXTS))
    (bad,) = (row for row in rows if isinstance(row, BadRow))
    assert (bad.line, bad.reason) == (3, Reason.MALFORMED)
    assert said in bad.explanation
    assert bad.row.encode().startswith(line[:1]) or "\\xff" in bad.row
    assert len(rows) == (4 if after else 2)


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_a_long_file(write: Write) -> None:
    good = b"".join(b"%d,x\n" % number for number in range(3 * MAX_LINES_OF_A_RECORD))
    rows = list(read_rows(write(b'a,b\n"0,x\n' + good), TEXTS))
    (bad,) = (row for row in rows if isinstance(row, BadRow))
    assert (bad.line, bad.explanation, bad.row) == (2, "The line is not CSV: a quote in it is not closed.", '"0,x')
    assert len(rows) == 1 + 3 * MAX_LINES_OF_A_RECORD


BROKEN_JSON = {
    b"{": "not JSON: Expecting property name",
    b"not json": "not JSON: Expecting value at character 1",
    b"[]": "The line is list, not an object",
    b"5": "The line is int, not an object",
    b'{"a":"1"}': "Keys missing: 'b'",
    b'{"a":"1","b":"2","d":"3","e":""}': "Keys unknown: 'd', 'e'",
    b'{"a":"1","b":"2","\\u0061":"1"}': "a key is repeated",
    b'{"a":"1","b":NaN}': "NaN is not JSON",
    b'{"a":"1","b":' + b"9" * 5000 + b"}": "not JSON",
    b'{"a":1,"b":"2"}': "a is int: write text in quotes",
    b'{"a":null,"b":"2"}': "a is NoneType",
    b'{"a":"1","b":["2"]}': "b is list",
    b'{"a":"1","b":true}': "b is bool",
    b'{"a":"1","b":"2","flag":0}': "flag is int",
    b'{"a":"1","b":"2","object":"{}"}': "object is str: write an object",
    b'{"a":"1","b":"\\ud800"}': "b holds half of a surrogate pair",
    b'{"a":"1","b":"' + b"x" * 2000 + b'"}': "b has 2,000 characters",
    b'{"a":"1","b":"' + b"x" * MAX_LINE_BYTES + b'"}': "longer than",
    b'{"a":"1","b":"\xe9"}': "not UTF-8",
    b'{"a":"1","b":"\0"}': "holds a NUL",
    b'{"a":"1","b":"2","object":' + b'{"a":' * 5000: "nested too deep",
}


@pytest.mark.parametrize(("line", "said"), BROKEN_JSON.items(), ids=[*BROKEN_JSON.values()])
def test_a_broken_json_line_costs_no_other_row(write: Write, line: bytes, said: str) -> None:
    good = b'{"a":"1","b":"2"}\n'
    rows = list(read_rows(write(good + line + b"\n" + good, "rows.jsonl"), COLUMNS))
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert isinstance(rows[1], BadRow)
    assert (rows[1].line, rows[1].reason) == (2, Reason.MALFORMED)
    assert said in rows[1].explanation


@pytest.mark.parametrize(
    ("cell", "said"),
    [("", "not JSON"), ("[]", "list, not an object"), ("{", "not JSON"), ('{"x":1,"x":2}', "repeated")],
)
def test_an_object_in_a_cell_is_read_as_strictly_as_any_other_json(write: Write, cell: str, said: str) -> None:
    columns = Columns(required=("a", "object"), objects=("object",))
    text = io.StringIO()
    csv.writer(text).writerows([("a", "object"), ("1", '{"x": ["y"]}'), ("2", cell)])
    good, bad = read_rows(write(text.getvalue().encode()), columns)
    assert isinstance(good, Row)
    assert good.values["object"] == {"x": ["y"]}
    assert isinstance(bad, BadRow)
    assert bad.explanation.startswith("object is ")
    assert said in bad.explanation


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "names no column that is known"),
        (b"a;b\n1;2\n", "names no column that is known"),
        (b"b\n2\n", "missing: 'a'"),
        (b"a,b,d\n", "unknown: 'd'"),
        (b"a,b,a\n", "repeated: 'a'"),
        (b"a,b\xff\n", "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "(The line holds a NUL, which no text has: save the file as UTF-8)"),
        (b'"a,b\n', "it must name a, b"),
    ],
)
def test_without_the_right_header_nothing_is_read_and_one_sentence_says_what_it_must_be(
    write: Write, data: bytes, said: str
) -> None:
    with pytest.raises(PermanentError, match=r"rows\.csv") as error:
        list(read_rows(write(data), TEXTS))
    assert said in str(error.value)


def test_a_first_row_in_place_of_the_header_is_not_repeated(write: Write) -> None:
    with pytest.raises(PermanentError, match="names no column") as error:
        list(read_rows(write(b"Ann Example,1 Secret Street\n"), TEXTS))
    assert "Secret" not in str(error.value)


def test_a_file_of_another_suffix_and_an_empty_one_are_refused(write: Write) -> None:
    with pytest.raises(PermanentError, match=r"none of the suffixes \.csv, \.jsonl, \.ndjson"):
        list(read_rows(write(b"a,b\n", "rows.xlsx"), TEXTS))
    with pytest.raises(PermanentError, match="is empty"):
        list(read_rows(write(b"", "rows.jsonl"), TEXTS))
    assert list(read_rows(write(b"a,b\n"), TEXTS)) == []


shaped = st.lists(
    st.sampled_from([b"a,b\n", b'"', b",", b"\n", b"\r", b"x", b"\xff", b"\0", b'{"a":"1","b":"2"}', b"{", b"}", b"\\"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.one_of(st.binary(max_size=80), shaped.map(b"".join)), st.sampled_from(["any.csv", "any.jsonl"]))
def test_whatever_a_file_holds_each_row_has_its_line_and_nothing_else_is_raised(
    write: Write, data: bytes, name: str
) -> None:
    try:
        rows = list(read_rows(write(b"a,b\n" + data if name == "any.csv" else data, name), TEXTS))
    except PermanentError:
        assert data == b""
        return
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    for row in rows:
        assert isinstance(row, Row) or (row.explanation.endswith(".") and row.reason == Reason.MALFORMED)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.lists(st.tuples(cells, cells), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_is_read_back(write: Write, pairs: list[tuple[str, str]], end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *pairs])
    found = values(list(read_rows(write(text.getvalue().encode()), TEXTS)))
    assert found == [{"a": first, "b": second} for first, second in pairs]


def sifted(file: Path, place: Path) -> tuple[list[str], dict[str, int]]:
    """Take the rows with an even number in `a`; return those, and how many were bad for which reason."""

    def even(rows: list[Row]) -> tuple[list[str], list[BadRow]]:
        odd = [row.bad("odd", "It is odd.") for row in rows if int(row.values["a"]) % 2]
        return [row.values["a"] for row in rows if not int(row.values["a"]) % 2], odd

    with ErrorFile(place) as errors:
        good = [one for lot in Sieve(file, errors, lambda _done, _total: None).lots(TEXTS, even) for one in lot]
        return good, dict(errors.reasons)


def test_bad_rows_stand_in_the_error_file_in_their_order_and_nobody_else_can_read_it(
    write: Write, tmp_path: Path
) -> None:
    place = tmp_path / "errors.csv"
    place.write_text("what an earlier load left")
    place.chmod(0o644)
    good, found = sifted(write(b'a,b\n1,x\n2,x\n\xff,x\n"3","x,y"\n4,x\n'), place)
    assert (good, found) == (["2", "4"], {"odd": 2, "malformed": 1})
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with place.open(encoding="utf-8", newline="") as file:
        header, *listed = csv.reader(file)
    assert header == ["line", "reason", "explanation", "row"]
    assert [(line, reason, row) for line, reason, _, row in listed] == [
        ("2", "odd", "1,x"),
        ("4", "malformed", "\\xff,x"),
        ("5", "odd", '"3","x,y"'),
    ]


def test_without_a_bad_row_there_is_no_error_file(write: Write, tmp_path: Path) -> None:
    place = tmp_path / "errors.csv"
    place.write_text("what an earlier load left")
    assert sifted(write(b"a,b\n2,x\n"), place) == (["2"], {})
    assert not place.exists()


def test_an_error_file_that_cannot_be_written_is_one_sentence(write: Write, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"cannot be written \(No such file or directory\): name another place"):
        sifted(write(b"a,b\n1,x\n"), tmp_path / "nowhere" / "errors.csv")


def test_lots_are_small_however_long_the_file_is(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("election_assets.loading.sieve.LOT", 3)
    told: list[tuple[int, int]] = []
    file = write(b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(8)))
    with ErrorFile(tmp_path / "errors.csv") as errors:
        sieve = Sieve(file, errors, lambda done, total: told.append((done, total)))
        lots = list(sieve.lots(TEXTS, lambda rows: ([row.values["a"] for row in rows], [])))
    assert lots == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]
    assert told == [(4, 9), (7, 9), (9, 9)]
