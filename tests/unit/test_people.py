"""Claims about where people come from: a file's lines are people or one sentence that repeats none of them."""

import json
import os
import traceback
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

from election_assets.domain.people import Person
from election_assets.domain.synthetic import candidate_count, generate_election
from election_assets.errors import PermanentError
from election_assets.people import candidate_names, people_on_roll
from election_assets.settings import PeopleSettings
from tests.support.elections import made_election
from tests.support.people_service import PeopleService, people_service

ZENOBIA = Person(
    full_name="Zenobia Quackenbush",
    gender="female",
    birth_date=date(1980, 12, 31),
    address="12 Mill Lane, North",
    email="zenobia@people.example",
    phone="(272) 790-0001",
    cell_phone="(489) 330-0002",
    picture_url="https://people.example/1.jpg",
)
ODON = Person(full_name='Ödön "Odi" Zzyzxson', gender="unknown")
CSV = """full_name,gender,birth_date,address,email,phone,cell_phone,picture_url
Zenobia Quackenbush,female,1980-12-31,"12 Mill Lane, North",zenobia@people.example,(272) 790-0001,(489) 330-0002,https://people.example/1.jpg
"Ödön ""Odi"" Zzyzxson",,,,,,,
"""
JSON_LINES = "\n".join(
    (
        json.dumps({name: str(getattr(ZENOBIA, name)) for name in Person.__struct_fields__}),
        '{"full_name": "Ödön \\"Odi\\" Zzyzxson", "gender": null}',
    )
)


def from_file(file: Path) -> PeopleSettings:
    return PeopleSettings.from_environment({"ELECTION_PEOPLE": "file", "ELECTION_PEOPLE_FILE": str(file)})


def first_of(file: Path, number: int) -> list[Person]:
    people = people_on_roll(from_file(file), made_election("people", voters_each=2))
    assert people is not None
    return list(islice(people, number))


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[PeopleService]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with people_service() as serving:
        yield serving


@pytest.mark.parametrize(("name", "text"), [("people.csv", CSV), ("people.jsonl", JSON_LINES)])
def test_a_file_is_read_as_csv_or_as_json_lines(tmp_path: Path, name: str, text: str) -> None:
    assert first_of(written(tmp_path, name, text), 2) == [ZENOBIA, ODON]


def test_a_file_gives_no_more_people_than_are_needed(tmp_path: Path) -> None:
    file = written(tmp_path, "people.csv", "full_name\n" + "Zenobia Quackenbush\n" * 11 + "\0\n")
    assert len(first_of(file, 99)) == 10


def test_a_file_with_too_few_people_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"people.csv has 2 people, but 10 are needed: add the missing ones"):
        first_of(written(tmp_path, "people.csv", CSV), 10)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(PermanentError, match=r"pipe.csv' cannot be read: it is no regular file"):
        first_of(pipe, 1)
    with pytest.raises(PermanentError, match=r"nobody.csv' cannot be read: No such file"):
        first_of(tmp_path / "nobody.csv", 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.txt", CSV),
        ("people.csv", ""),
        ("people.csv", CSV.partition("\n")[2]),
        ("people.csv", CSV.replace("full_name", "name", 1)),
    ],
    ids=["another suffix", "empty", "no header", "another header"],
)
def test_a_file_of_something_else_is_a_sentence_that_says_how_people_are_spelled(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(PermanentError, match=r"is no file of people\. A person has full_name, and may have") as raised:
        first_of(written(tmp_path, name, text), 1)
    assert "Quackenbush" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("people.csv", "Zenobia Quackenbush,F,,,,,,"),
        ("people.csv", "Zenobia Quackenbush,female,1980-02-30,,,,,"),
        ("people.csv", "Zenobia Quackenbush,,,,,,"),
        ("people.csv", "  ,female,,Quackenbush Lane,,,,"),
        ("people.csv", '"Zenobia\nQuackenbush",,,,,,,'),
        ("people.csv", f"{'Zenobia Quackenbush' * 60},,,,,,,"),
        ("people.jsonl", '{"full_name": "Zenobia Quackenbush", "gender": "Quackenbush"}'),
        ("people.jsonl", '{"full_name": ["Quackenbush"]}'),
        ("people.jsonl", '{"full_name": "Zenobia\\u0000Quackenbush"}'),
        ("people.jsonl", '{"full_name": "\\ud800 Quackenbush"}'),
        ("people.jsonl", '{"Quackenbush": "full_name"}'),
        ("people.jsonl", "Quackenbush"),
    ],
)
def test_a_line_that_is_no_person_is_named_and_not_repeated(tmp_path: Path, name: str, line: str) -> None:
    head = CSV.partition("\n")[0] + "\n" if name.endswith("csv") else JSON_LINES.partition("\n")[0] + "\n"
    with pytest.raises(PermanentError, match=r"Line 2 of .* is no person: .* A person has full_name") as raised:
        first_of(written(tmp_path, name, head + line), 2)
    assert "Quackenbush" not in "".join(traceback.format_exception(raised.value))


def test_people_are_invented_unless_a_setting_names_another_source() -> None:
    settings = PeopleSettings.from_environment({})
    assert people_on_roll(settings, made_election("people")) is None
    assert candidate_names(settings, "people", 1, 3) is None


def test_candidates_of_a_generated_election_are_people_of_the_service(service: PeopleService) -> None:
    settings = PeopleSettings.from_environment({"ELECTION_PEOPLE": "api", "ELECTION_PEOPLE_URL": service.url})
    first, second = (generate_election("named", 100, names=candidate_names(settings, "named", 1, 3)) for _ in range(2))
    assert first == second
    names = {one.candidate_name for contest in first.contests for one in contest.candidates if not one.is_write_in}
    assert len(names) == candidate_count(3) == int(service.asked[0]["results"])
    assert not any(name.startswith("Candidate") for name in names)


def test_the_service_is_given_a_seed_that_tells_the_election_from_others(service: PeopleService) -> None:
    settings = PeopleSettings.from_environment({"ELECTION_PEOPLE": "api", "ELECTION_PEOPLE_URL": service.url})
    for election in (made_election("one"), made_election("two"), made_election("one", seed=2)):
        next(people_on_roll(settings, election) or iter(()))
    next(candidate_names(settings, "one", 1, 3) or iter(()))
    seeds = [query["seed"] for query in service.asked]
    # randomuser.me takes the end of a seed of 18 letters for a nationality.
    assert (len(set(seeds)), {len(seed) for seed in seeds}) == (4, {16})
