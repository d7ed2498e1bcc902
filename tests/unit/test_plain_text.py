"""Claims about text that a person reads, whoever wrote it."""

import csv
import io
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from election_assets import console
from election_assets.domain.plain_text import CONTROLS, harmless, listed, shortened, visible
from election_assets.errors import PermanentError
from tests.unit.test_console import results


def test_controls_are_those_of_unicode_and_what_turns_or_breaks_a_line() -> None:
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for one in map(chr, (*range(0x3000), *range(0xD700, 0x10000), 0x1F5F3, 0x10FFFF)):
        is_one = unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(one) in turns
        assert bool(CONTROLS.match(one)) == is_one, ascii(one)


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_visible_can_be_written_anywhere_and_says_the_same(text: str) -> None:
    shown = visible(text)
    assert not CONTROLS.search(shown)
    assert len(shown) >= len(text)
    assert shown == text or CONTROLS.search(text)
    shown.encode()


def test_what_is_long_is_told_by_its_beginning_its_end_and_its_length() -> None:
    assert shortened("x" * 300) == "x" * 300
    assert shortened("a" + "x" * 1_000_000 + "b", 6) == "axxx… (1,000,002 characters) …xb"
    assert listed(["a", "b\n"]) == r"'a', 'b\n'"
    assert listed([str(n) for n in range(5_000)], 2) == "'0', '1' and 4,998 more"


def test_an_error_shows_no_control_characters_of_what_it_names() -> None:
    assert str(PermanentError("No folder \x1b[2J\u202ea.\n- b")) == "No folder \\x1b[2J\\u202ea.\n- b"


def test_a_sentence_of_the_command_line_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("Written to \x1b[2J\r\x9b2J [bold].\n- a")
    assert capsys.readouterr().err == "Written to \\x1b[2J\\r\\x9b2J [bold].\n- a\n"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@a", "\t=1"])
def test_no_spreadsheet_runs_a_name(name: str) -> None:
    assert harmless(name) == f"'{name}"
    found = results(1)
    found.candidates[:] = [replace(one, candidate_name=name) for one in found.candidates]
    rows = csv.DictReader(io.StringIO(console.results_as_csv(found), newline=""))
    assert {(row["candidate_name"], row["adjustment_count"]) for row in rows} == {(f"'{name}", "0")}
