"""Claims about files to load that try something: what is no file is refused, and what is long takes no long time."""

import os
import tracemalloc
from pathlib import Path
from typing import cast

import pytest

from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.loading import load
from election_assets.loading.lines import MAX_LINE_BYTES
from election_assets.loading.rows import BadRow, Columns, Row, read_rows
from election_assets.loading.sieve import ErrorFile, Sieve
from election_assets.settings import Settings
from tests.support.hostile import assert_is_for_people, soon

TEXTS = Columns(required=("a", "b"))
# A file that is refused is refused before anything is asked of settings.
NOBODY = cast(Settings, None)


def refusal(file: Path, errors: Path | None = None) -> str:
    with pytest.raises(PermanentError) as caught:
        load(NOBODY, "voters", "sample", file, errors=errors)
    assert_is_for_people(str(caught.value), most=6_000)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "zero.csv", "folder.csv"):
        assert refusal(tmp_path / name).endswith(f"{name} cannot be read (it is no regular file): name a file to load.")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "nowhere.csv").symlink_to("nothing")
    for name in ("a.csv", "loop.csv", "nowhere.csv", "x" * 5_000, "\x1b[2J\n.csv", "../../nothing.csv"):
        assert "cannot be read (" in refusal(tmp_path / name)


def test_a_file_is_named_without_its_control_characters(tmp_path: Path) -> None:
    file = tmp_path / "a\n\x1b[2J.csv"
    file.write_text("c,d\n")
    with pytest.raises(PermanentError, match=r"Line 1 of .*a\\n\\x1b\[2J\.csv is not its header"):
        list(read_rows(file, TEXTS))


def test_an_error_file_is_never_the_file_or_what_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b\n")
    (tmp_path / "link.csv").symlink_to(file)
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("a.csv", "link.csv", "zero.csv", "pipe.csv", ".", "sub/../a.csv"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        assert "cannot be the error file" in refusal(file, errors=tmp_path / name)
    assert "cannot be read (File name too long)" in refusal(file, errors=tmp_path / ("x" * 300))
    assert file.read_text() == "a,b\n"


def test_an_error_file_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "errors.csv").symlink_to("precious")
    with ErrorFile(tmp_path / "errors.csv") as errors:
        errors.write([BadRow(1, Reason.MALFORMED, "It is.", "x")])
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "errors.csv").is_symlink()


def test_a_bad_row_is_listed_so_that_no_terminal_and_no_spreadsheet_runs_it(tmp_path: Path) -> None:
    with ErrorFile(tmp_path / "errors.csv") as errors:
        errors.write([
            BadRow(1, Reason.MALFORMED, "It is.", "=cmd|'/c calc'!A0,\x1b[2J,\u202e,a\rb"),
            BadRow(2, Reason.MALFORMED, "It is.", '"a\tb\nc",é🗳️'),
        ])  # fmt: skip
    assert (tmp_path / "errors.csv").read_bytes().decode().split("\r\n")[1:] == [
        r"""1,malformed,It is.,"'=cmd|'/c calc'!A0,\x1b[2J,\u202e,a\rb" """.strip(),
        '2,malformed,It is.,"""a\tb\nc"",é🗳️"',
        "",
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_of_very_many_names_is_told_in_short_and_soon(tmp_path: Path, name: str) -> None:
    keys = [f"k{n}" for n in range(6_000)]
    if name == "a.csv":
        (tmp_path / name).write_text(f"a,b,{','.join(keys)}\n")
    else:
        (tmp_path / name).write_text(('{"a":"","b":"",' + ",".join(f'"{key}":0' for key in keys) + "}\n") * 10)
    try:
        with soon():
            told = [row.explanation for row in read_rows(tmp_path / name, TEXTS) if isinstance(row, BadRow)]
    except PermanentError as error:
        told = [str(error)]
    assert len(told) == (1 if name == "a.csv" else 10)
    for one in told:
        assert_is_for_people(one, most=600)
        assert "unknown: 'k0', 'k1'" in one


@pytest.mark.parametrize("header", ["a,b," + "c," * 100_000, "a" * 1_000_000, '"a\n' * 200_000, "\n" * 200_000])
def test_a_header_without_end_is_refused_in_short_and_soon(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(header + "\n1,2\n")
    with soon(), pytest.raises(PermanentError, match="is not its header") as caught:
        list(read_rows(tmp_path / "a.csv", TEXTS))
    assert_is_for_people(str(caught.value), most=600)


CELLS = {
    "a million characters": "x" * 1_000_000,
    "100,000 cells": "," * 100_000,
    "a formula": "=1+1,",
    "quotes": '"' * 30_000,
    "open quotes": '"x' * 20_000,
    "carriage returns": "\r" * 1_000,
    "braces": "{" * 60_000,
    "brackets": '{"a":' + "[" * 60_000,
    "digits": '{"a":"1","b":' + "9" * 60_000 + "}",
    "escapes": '{"a":"' + r"\u0000" * 10_000 + '"}',
}


@pytest.mark.parametrize("line", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_that_tries_something_costs_itself_alone(tmp_path: Path, name: str, line: str) -> None:
    good, header = ("1,2\n", "a,b\n") if name == "a.csv" else ('{"a":"1","b":"2"}\n', "")
    (tmp_path / name).write_text(header + good + f"{line}\n" * 3 + good)
    with soon():
        rows = list(read_rows(tmp_path / name, TEXTS))
    assert [row.line - bool(header) for row in rows] in ([1, 2, 3, 4, 5], [1, 5])
    assert all(isinstance(row, Row) for row in (rows[0], rows[-1]))
    assert {row.explanation.endswith(".") for row in rows if isinstance(row, BadRow)} <= {True}


def test_long_rows_are_held_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("election_assets.loading.sieve.LOT_CHARACTERS", 1_000_000)
    line = b'{"a":"1","b":"' + b"x" * (MAX_LINE_BYTES - 100) + b'"}\n'
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.writelines(line for _ in range(200))
    tracemalloc.start()
    with ErrorFile(tmp_path / "errors.csv") as errors:
        sieve = Sieve(tmp_path / "a.jsonl", errors, lambda _done, _total: None)
        assert [lot for lots in sieve.lots(TEXTS, lambda rows: (rows, [])) for lot in lots] == []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert errors.reasons == {Reason.MALFORMED: 200}
    assert most < 4_000_000
