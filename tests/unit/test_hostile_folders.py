"""Claims about election folders that somebody spoiled: one election that holds together, or one error that names it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from election_assets.domain.election import Candidate, Method, ReportingUnit
from election_assets.domain.election_folder import find_election_folder, read_election, write_election
from election_assets.domain.folder_checks import check_election
from election_assets.domain.folder_text import MAX_NUMBER, MAX_SEED, MAX_YAML_BYTES, Problems
from election_assets.domain.synthetic import generate_election
from election_assets.errors import PermanentError
from tests.support.hostile import FOLDER_FILES, as_csv, assert_is_for_people, assert_says_where, from_csv

SAMPLE = replace(
    generate_election("sample", 40, seed=5, contests=2, precincts=2, methods=(Method.ELECTION_DAY, Method.MAIL)),
    source="A drawn one.",
    baseline_election_id="sample-2020",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_election(SAMPLE, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    place = tmp_path_factory.mktemp("good")
    write_election(SAMPLE, place)
    return {path.name: path.read_bytes() for path in place.iterdir() if path.name in FOLDER_FILES}


def refusal(folder: Path) -> str:
    with pytest.raises(PermanentError) as caught:
        read_election(folder)
    assert_says_where(str(caught.value))
    return str(caught.value)


def with_line(folder: Path, line: bytes | str, old: str = "name: Synthetic election sample\n") -> None:
    """Write a line in place of the one with the election's name."""
    path = folder / "election.yaml"
    data, line = path.read_bytes(), line.encode() if isinstance(line, str) else line
    assert data.count(old.encode()) == 1
    path.write_bytes(data.replace(old.encode(), line + b"\n"))


LAUGHS = "\n".join(["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)), "name: *a39"])
YAML = {
    "billion laughs": (LAUGHS, "line 2, column 5: an anchor or alias stands here: write out what it stands for"),
    "an alias of what holds it": ("name: &a [*a]", "an anchor or alias stands here"),
    "an alias of nothing": ("name: *nobody", "an anchor or alias stands here"),
    "a merge key": ("<<: {name: a}", "election.yaml: <<: no such name is known"),
    "a call of Python": ("name: !!python/object/apply:os.system [id]", "the tag 'tag:yaml.org,2002:python/object/"),
    "a tag of YAML": ("name: !!str a", "line 2, column 7: the tag 'tag:yaml.org,2002:str' stands here"),
    "a tag of one's own": ("name: !mine a", "the tag '!mine' stands here"),
    "a key twice": ("name: a\nname: b", "line 3, column 1: 'name' stands here twice"),
    "a list as a key": ("? [a, b]\n: c", "a list or mapping stands here in place of a name"),
    "a mapping as a key": ("{a: b}: c", "a list or mapping stands here in place of a name"),
    "a list for a text": ("name: [a]", "election.yaml: name: found ['a']; write one plain value here"),
    "a mapping for a text": ("name: {a: b}", "election.yaml: name: found {'a': 'b'}; write one plain value here"),
    "a million characters": ("name: " + "x" * 1_000_000, "(1,000,008 characters)"),
    "a million characters as a key": ("? " + "x" * 1_000_000 + "\n: a", "no such name is known"),
    "a key that moves the cursor": (r'"a\x1b[2Jb": c', r"election.yaml: a\x1b[2Jb: no such name is known"),
    "a NUL": (b"name: a\0b", "unacceptable character #x0000"),
    "an escaped NUL": (r'name: "a\0b"', r"election.yaml: name: found control characters in 'a\x00b'"),
    "an escape of a terminal": (r'name: "\e[2J"', r"found control characters in '\x1b[2J'"),
    "an escape of a terminal in one byte": (r'name: "\x9b2J"', r"found control characters in '\x9b2J'"),
    "a reversed direction": ("name: a\u202eb", r"found control characters in 'a\u202eb'"),
    "a line separator": (r'name: "a\Lb"', r"found control characters in 'a\u2028b'"),
    "half a character": (r'name: "\ud800"', r"found control characters in '\ud800'"),
    "an escape beyond Unicode": (r'name: "\UFFFFFFFF"', "election.yaml: it cannot be read"),
    "an escape just beyond Unicode": (r'name: "\U00110000"', "election.yaml: it cannot be read"),
    "nested deep": ("name: " + "[" * 100_000, "nested too deep"),
    "nested deep in blocks": ("name:\n" + "".join(" " * n + "-\n" for n in range(1, 1_000)), "nested too deep"),
    "not UTF-8": (b"name: M\xfcller", "election.yaml line 2: byte 0xfc is not UTF-8; save it as UTF-8"),
    "a tab for an indent": ("name:\n\ta: b", "line 3, column 1: while scanning for the next token"),
    "two documents": ("name: a\n---\nb: c", "expected a single document"),
    "a version of many digits": ("name: a\n...\n%YAML " + "1" * 5_000 + ".1\n---\nb: c", "election.yaml: it cannot be"),
    "a date of February": ("date: 2024-02-30", "'date' stands here twice"),
    "a huge number": ("seed: " + "9" * 5_000, "'seed' stands here twice"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "said"), YAML.values(), ids=YAML)
def test_yaml_that_tries_something_is_refused_with_its_place(folder: Path, line: bytes | str, said: str) -> None:
    with_line(folder, line)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    "value", ["-1", "1.5", "1e3", "0x10", ".inf", ".nan", "9" * 5_000, "=1+1", "[1]", str(MAX_SEED + 1)]
)
def test_a_number_is_whole_and_within_bounds(folder: Path, value: str) -> None:
    with_line(folder, f"seed: {value}", old="seed: 5\n")
    assert "election.yaml: seed: found " in refusal(folder)


@pytest.mark.parametrize("value", ["2024-02-30", "2024", "tomorrow", "2024-05-21T10:00", "0000-01-01", "[2024-05-21]"])
def test_a_date_is_a_day_that_there_is(folder: Path, value: str) -> None:
    with_line(folder, f"date: {value}", old="date: 2024-11-05\n")
    assert "election.yaml: date: found " in refusal(folder)


@pytest.mark.parametrize("value", [".", "..", "a:b"])
def test_an_election_is_called_what_a_folder_and_a_topic_can_be_called(folder: Path, value: str) -> None:
    with_line(folder, f"id: {value}", old="id: sample\n")
    assert f"election.yaml: id: found '{value}'" in refusal(folder)
    with pytest.raises(PermanentError, match="is no id of an election"):
        generate_election(value, 10)


def test_an_election_is_not_compared_with_itself(folder: Path) -> None:
    with_line(folder, "baseline: sample", old="baseline: sample-2020\n")
    assert "election.yaml: baseline: it is the election itself" in refusal(folder)


def test_a_byte_order_mark_and_other_line_ends_are_read(folder: Path, good: dict[str, bytes]) -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        for name, data in good.items():
            (folder / name).write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", end))
        assert read_election(folder) == SAMPLE


@pytest.mark.parametrize("name", FOLDER_FILES[:4])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_no_utf_8(folder: Path, name: str, encoding: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes().decode().encode(encoding))
    assert f"- {name}" in refusal(folder)


UNITS = "reporting_unit_id,reporting_unit_name,reporting_unit_type,parent_id,registered_voter_count"
CSV = {
    "an empty file": (b"", "line 1: no column reporting_unit_id"),
    "blank lines": (b"\n\r\n\n", "line 1: no column"),
    "only a header": (UNITS, "no unit has the type 'precinct'"),
    "another delimiter": (UNITS.replace(",", ";"), "line 1: no column"),
    "a column twice": (f"{UNITS},parent_id\na,b,precinct,,1,", "line 1: column parent_id stands there twice"),
    "a short row": (f"{UNITS}\na,b,precinct,", "line 2: 4 cells; write 5, as in line 1"),
    "a long row": (f"{UNITS}\na,b,precinct,,1,,", "line 2: 7 cells; write 5, as in line 1"),
    "a quote never closed": (f'{UNITS}\na,b,precinct,,1\n"c,d\n' + "e,f,,,1\n" * 9, "line 3: it cannot be read"),
    "a quote within": (f'{UNITS}\na,"b"c,precinct,,1', "line 2: it cannot be read"),
    "a million characters": (f"{UNITS}\na,{'x' * 1_000_000},precinct,,1", "line 2: it cannot be read (field larger"),
    "many characters": (f"{UNITS}\na,{'x' * 100_000},precinct,,1", "write no more than 10,000 characters"),
    "100,000 columns": (f"{UNITS}{',x' * 100_000}\na,b,precinct,,1", "line 2: 5 cells; write 100005, as in line 1"),
    "100,000 cells": (f"{UNITS}\na{',b' * 100_000}", "line 2: 100001 cells; write 5"),
    "a NUL": (f"{UNITS}\na,b\0c,precinct,,1", r"line 2, reporting_unit_name: found control characters in 'b\x00c'"),
    "a line break": (f'{UNITS}\na,"b\nc",precinct,,1', r"line 2, reporting_unit_name: found control characters"),
    "not UTF-8": (UNITS.encode() + b"\na,b,precinct,,1\nc,\xe9,precinct,,1", "line 3: byte 0xe9 is not UTF-8"),
    "a negative count": (f"{UNITS}\na,b,precinct,,-1", "line 2, registered_voter_count: found '-1'"),
    "a fraction": (f"{UNITS}\na,b,precinct,,1.0", "line 2, registered_voter_count: found '1.0'"),
    "a huge count": (f"{UNITS}\na,b,precinct,,{'9' * 100_000}", "line 2, registered_voter_count: found '999"),
    "more than an integer": (f"{UNITS}\na,b,precinct,,2147483648", "write a whole number from 0 to 2147483647"),
    "a formula": (f"{UNITS}\na,b,precinct,,=1+1", "line 2, registered_voter_count: found '=1+1'"),
    "other digits": (f"{UNITS}\na,b,precinct,,١٢", "line 2, registered_voter_count: found"),
    "spaces about a count": (f"{UNITS}\na,b,precinct,, 1", "line 2, registered_voter_count: found ' 1'"),
    "a path for an id": (f"{UNITS}\n../a,b,precinct,,1", "line 2, reporting_unit_id: found '../a'"),
    "SQL for an id": (f"{UNITS}\n'; drop table a; --,b,precinct,,1", "line 2, reporting_unit_id: found"),
    "an id of a terminal": (f"{UNITS}\n\x1b[2J,b,precinct,,1", r"_id: found control characters in '\x1b[2J'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CSV.values(), ids=CSV)
def test_a_table_that_is_none_is_refused_with_its_line(folder: Path, text: bytes | str, said: str) -> None:
    (folder / "reporting_units.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = refusal(folder)
    assert any(line.startswith("- reporting_units.csv") and said in line for line in found.splitlines()), found


def test_columns_may_stand_in_any_order_and_there_may_be_more(folder: Path, good: dict[str, bytes]) -> None:
    for name in FOLDER_FILES[1:5]:
        rows = [[*reversed(row), "remark"] for row in from_csv(good[name])]
        (folder / name).write_bytes(as_csv(rows, end="\r\n"))
    assert read_election(folder) == SAMPLE


def test_of_very_many_problems_the_first_are_told(folder: Path) -> None:
    (folder / "ballot_styles.csv").write_text("precinct_id,ballot_style_id,voter_count\n" + "a b,c,-1\n" * 5_000)
    said = refusal(folder)
    assert "problems to mend" in said
    assert len(said.splitlines()) == 52
    assert said.endswith(" more.")


HARMLESS = (
    "=1+1", "'; drop table a; --", "<script>alert(1)</script>", "{{ a }}", "%s", "../..", "No", "~", "null", "1e9",
    "- a", "מועמד", "🗳️", "e\u0301", "می\u200cخواهم", 'a, "b"', "#a", "[a]", "!a", "&a", "*a", ".inf", "0123",
)  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_may_be_any_text_that_can_be_shown(tmp_path: Path, name: str) -> None:
    contest = SAMPLE.contests[0]
    contest = replace(
        contest, contest_name=name, candidates=tuple(replace(one, candidate_name=name) for one in contest.candidates)
    )
    units = tuple(replace(unit, reporting_unit_name=name) for unit in SAMPLE.reporting_units)
    election = replace(SAMPLE, election_name=name, contests=(contest, *SAMPLE.contests[1:]), reporting_units=units)
    write_election(election, tmp_path)
    assert read_election(tmp_path) == election


def made_pipe(place: Path) -> None:
    os.mkfifo(place)


def made_folder(place: Path) -> None:
    place.mkdir()


def made_device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def made_loop(place: Path) -> None:
    place.symlink_to(place.name)


def made_dangling(place: Path) -> None:
    place.symlink_to("nowhere")


def made_link_out(place: Path) -> None:
    outside = place.parent.parent / "secret.csv"
    outside.write_text("root:secret\n")
    place.symlink_to(outside)


def made_link_up(place: Path) -> None:
    place.symlink_to("../../../../../../../../etc/passwd")


def made_huge(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


TRICKS = {
    made_pipe: "it is no regular file",
    made_folder: "it is no regular file",
    made_device: "it is no regular file",
    made_loop: "it is no regular file",
    made_dangling: "it is no regular file",
    made_link_out: "it is a link out of the folder",
    made_link_up: "it is a link out of the folder",
    made_huge: "it has 1,099,511,627,776 bytes",
}


@pytest.mark.parametrize("name", FOLDER_FILES)
@pytest.mark.parametrize(("trick", "said"), TRICKS.items(), ids=[trick.__name__ for trick in TRICKS])
def test_what_is_no_file_of_the_folder_is_not_read(folder: Path, name: str, trick: object, said: str) -> None:
    assert callable(trick)
    place = folder / "inside"
    write_election(SAMPLE, place)
    (place / name).unlink(missing_ok=True)
    trick(place / name)
    found = refusal(place)
    assert f"- {name}: {said}" in found
    assert "secret" not in found


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    # As a Kubernetes ConfigMap is mounted.
    (folder / "..data").mkdir()
    for name in FOLDER_FILES[:5]:
        (folder / name).rename(folder / "..data" / name)
        (folder / name).symlink_to(f"..data/{name}")
    assert read_election(folder) == SAMPLE


@pytest.mark.parametrize(
    "name", ["", "a\nb", "\x1b[2J", "x" * 5_000, "a\0b", "../../etc", "/", "/dev/zero", "\udcff", "a/" * 5_000]
)
def test_a_name_that_no_folder_has_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PermanentError, match="There is no election folder") as caught:
        find_election_folder(name)
    assert_is_for_people(str(caught.value), most=800)
    assert "\n" not in str(caught.value)


def test_a_folder_is_named_without_its_control_characters(tmp_path: Path) -> None:
    place = tmp_path / "a\n\x1b[2Jb"
    write_election(SAMPLE, place)
    assert read_election(place) == SAMPLE
    (place / "reporting_units.csv").unlink()
    assert r"a\n\x1b[2Jb cannot be used" in refusal(place)


def test_yaml_is_only_so_long(folder: Path) -> None:
    with (folder / "election.yaml").open("ab") as file:
        file.write(b"#" * MAX_YAML_BYTES)
    assert "bytes; write no more than 4,194,304" in refusal(folder)


def test_a_long_chain_of_parents_takes_no_long_time(tmp_path: Path) -> None:
    chain = [ReportingUnit(f"u{n}", "A", "area", f"u{n + 1}") for n in range(30_000)]
    units = (*SAMPLE.reporting_units, *chain, ReportingUnit("u30000", "A", "area"))
    write_election(replace(SAMPLE, reporting_units=units), tmp_path)
    assert len(read_election(tmp_path).reporting_units) == len(units)


def test_what_the_registry_cannot_number_is_refused() -> None:
    candidates = tuple(Candidate(f"k{n}", "A") for n in range(MAX_NUMBER + 1))
    contest = replace(SAMPLE.contests[0], candidates=candidates)
    problems = Problems(Path())
    check_election(replace(SAMPLE, contests=(contest, *SAMPLE.contests[1:])), problems)
    assert "election.yaml: contests[0].candidates: 32,768 of them; write no more than 32,767." in problems.sentences
