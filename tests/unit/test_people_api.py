"""Claims about a people service: what it gives is read, and however it misbehaves, people come or one sentence does."""

import json
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import Any

import pytest

from election_assets.domain.people import Person
from election_assets.errors import PermanentError, TransientError
from election_assets.resources.people_api import people_from_api
from engines.ports import free_port
from tests.support.people_service import (
    Answer,
    PeopleService,
    User,
    answered,
    dripping,
    hung_up,
    people_service,
    silent,
    user,
)

API = "election_assets.resources.people_api"
SEED = "0123456789abcdef"
ATTEMPTS = 6


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[PeopleService]:
    """A service that is asked for ten people at a time, with little patience."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(f"{API}._PAGE", 10)
    monkeypatch.setattr(f"{API}._BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(f"{API}._TIMEOUTS_SECONDS", (5.0, 0.5))
    monkeypatch.setattr(f"{API}._ANSWER_SECONDS", 0.5)
    with people_service() as serving:
        yield serving


def asked(service: PeopleService, number: int = 25, seed: str = SEED) -> list[Person]:
    return list(people_from_api(service.url, seed, number))


def pages(service: PeopleService) -> list[str]:
    return [query["page"] for query in service.asked]


def test_a_person_is_read_as_the_service_spells_one(service: PeopleService) -> None:
    (person,) = asked(service, 1)
    theirs = user(SEED, 1, 0)
    assert person == Person(
        full_name=f"{theirs['name']['first']} {theirs['name']['last']}",
        gender=theirs["gender"],
        birth_date=date.fromisoformat(theirs["dob"]["date"][:10]),
        address=(
            f"{theirs['location']['street']['number']} Valwood Pkwy, Billings, "
            f"Michigan {theirs['location']['postcode']}, United States"
        ),
        email=theirs["email"],
        phone=theirs["phone"],
        cell_phone=theirs["cell"],
        picture_url=theirs["picture"]["large"],
    )


def test_pages_are_asked_for_as_people_are_needed(service: PeopleService) -> None:
    people = people_from_api(service.url, SEED, 25)
    assert service.asked == []
    assert len(list(islice(people, 10))) == 10
    assert pages(service) == ["1"]
    assert len(list(people)) == 15
    # As many each time: a service may take pages for offsets.
    assert service.asked == [{"nat": "us", "seed": SEED, "results": "10", "page": page} for page in "123"]
    assert asked(service, 0) == []


def test_the_same_seed_gives_the_same_people(service: PeopleService) -> None:
    people = asked(service)
    assert asked(service) == people
    assert asked(service, seed="another") != people
    assert len(set(people)) == 25


def test_what_the_url_asks_for_is_asked_for(service: PeopleService) -> None:
    next(people_from_api(f"{service.url}?nat=gb,ie&key=k", SEED, 1))
    assert service.asked == [{"nat": "gb,ie", "key": "k", "seed": SEED, "results": "1", "page": "1"}]


FAULTS: dict[str, tuple[Answer, str]] = {
    "status 500": (answered(500), "answered with status 500"),
    "status 503": (answered(503, b"<html>busy</html>"), "answered with status 503"),
    "too many requests": (answered(429), "answered with status 429"),
    "no results": (answered(200, b'{"results": []}'), "answered without a single person"),
    "results of another kind": (answered(200, b'{"results": {"name": 1}}'), "answered without results"),
    "an error in place of people": (
        answered(200, b'{"error": "Uh oh, Zenobia went wrong."}'),
        "answered without results",
    ),
    "a list": (answered(200, b"[1]"), "answered without results"),
    "a web page": (answered(200, b"<!doctype html><html>Zenobia</html>"), "something else than JSON"),
    "nothing": (answered(200), "something else than JSON"),
    "no UTF-8": (answered(200, b'{"results": ["\xff"]}'), "something else than JSON"),
    "nested too deep": (answered(200, b'{"results":' + b"[" * 100_000), "something else than JSON"),
    "not one person": (answered(200, b'{"results": [1, null, "Zenobia", [], {}]}'), "without a single person"),
    "cut off": (answered(200, b'{"results"', {"Content-Length": "999"}), "did not answer"),
    "no gzip": (answered(200, b"[]", {"Content-Encoding": "gzip"}), "did not answer"),
    "hung up": (hung_up, "did not answer"),
    "silent": (silent, "did not answer"),
    "dripping": (dripping, "for 0 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_misbehaves_once_is_asked_again(service: PeopleService, fault: str) -> None:
    well_behaved = asked(service)
    service.faults.extend([FAULTS[fault][0]] * 2)
    assert asked(service) == well_behaved


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_keeps_misbehaving_is_one_sentence_without_anything_it_said(
    service: PeopleService, fault: str
) -> None:
    answer, sentence = FAULTS[fault]
    service.faults.extend([answer] * 20)
    with pytest.raises(TransientError, match=sentence) as raised:
        asked(service)
    assert len(service.asked) == ATTEMPTS
    assert f"(attempt {ATTEMPTS} of {ATTEMPTS})" in str(raised.value)
    assert "Zenobia" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_answer_larger_than_any_page_is_cut_off(service: PeopleService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{API}._MAX_BYTES", 1 << 20)
    monkeypatch.setattr(f"{API}._ATTEMPTS", 1)
    service.faults.append(answered(200, b" " * (2 << 20)))
    with pytest.raises(TransientError, match="answered with more than 1 MiB"):
        asked(service)


def test_a_service_that_is_not_there_is_one_sentence_without_the_secrets_of_its_url(service: PeopleService) -> None:
    port, secret = free_port(set()), "hunter" + "2"
    with pytest.raises(TransientError, match=rf"service at 127\.0\.0\.1:{port}/api/ did not answer") as raised:
        next(people_from_api(f"http://me:{secret}@127.0.0.1:{port}/api/?key={secret}", SEED, 1))
    assert secret not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_service_that_refuses_is_not_asked_again(service: PeopleService, status: int) -> None:
    service.faults.append(answered(status))
    with pytest.raises(PermanentError, match=f"answered with status {status}: set ELECTION_PEOPLE_URL"):
        asked(service)
    assert len(service.asked) == 1


def in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("soon", 0.001, 0.001),
        ("9" * 5_000, 0.001, 0.001),
        ("Thu, 01 Jan 99999 00:00:00 GMT", 0.001, 0.001),
        (f"Thu, 01 Jan {'9' * 20} 00:00:00 GMT", 0.001, 0.001),
    ],
)
def test_a_busy_service_is_left_alone_for_as_long_as_it_asks(
    service: PeopleService, monkeypatch: pytest.MonkeyPatch, header: str, least: float, most: float
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(f"{API}.sleep", slept.append)
    service.faults.append(answered(429, headers={"Retry-After": header}))
    assert len(asked(service, 1)) == 1
    (seconds,) = slept
    assert least <= seconds <= most


def test_a_busy_service_may_name_the_moment_instead(service: PeopleService, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(f"{API}.sleep", slept.append)
    service.faults.append(answered(429, headers={"Retry-After": in_seconds(90)}))
    assert len(asked(service, 1)) == 1
    (seconds,) = slept
    assert 30 <= seconds <= 90


def test_the_waits_between_attempts_double(service: PeopleService, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(f"{API}.sleep", slept.append)
    service.faults.extend([answered(500)] * ATTEMPTS)
    with pytest.raises(TransientError):
        asked(service)
    assert slept == [0.001 * 2**attempt for attempt in range(ATTEMPTS - 1)]


def test_a_service_that_wants_to_be_left_alone_for_an_hour_is(service: PeopleService) -> None:
    service.faults.append(answered(429, headers={"Retry-After": "3600"}))
    with pytest.raises(TransientError, match=r"wants to be asked again in 3,600 s \(attempt 1 of 6\)"):
        asked(service)
    assert len(service.asked) == 1


MALFORMED: dict[str, Any] = {
    "no name": {"name": None},
    "half a name": {"name": {"first": "Zenobia"}},
    "an empty name": {"name": {"first": "Zenobia", "last": " "}},
    "a name that is none": {"name": {"first": 1, "last": 2}},
    "a name of two lines": {"name": {"first": "Zenobia", "last": "Two\nLines"}},
    "a NUL": {"name": {"first": "Zenobia", "last": "a\0b"}},
    "half a character": {"email": "\ud800@people.example"},
    "a huge name": {"name": {"first": "Z" * 1_000_000, "last": "Z"}},
    "a huge phone": {"phone": "1" * 1_001},
    "no such day": {"dob": {"date": "2001-02-30T00:00:00.000Z"}},
    "no date": {"dob": {"date": "yesterday"}},
    "a date of birth that is a number": {"dob": {"date": 12}},
    "a street that is text": {"location": {"street": "1861 jan pieterszoon coenstraat"}},
    "a place that is none": {"location": ["Billings"]},
    "a picture that is text": {"picture": "https://people.example/1.jpg"},
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_person_is_passed_over_for_another(service: PeopleService, fault: str) -> None:
    well_behaved = asked(service, 30)
    service.spoil = lambda page, at, one: {**one, **MALFORMED[fault]} if (page, at) in {(1, 0), (2, 7)} else one
    assert asked(service, 28) == [one for at, one in enumerate(well_behaved) if at not in (0, 17)]
    assert asked(service, 20) == [one for at, one in enumerate(well_behaved[:22]) if at not in (0, 17)]
    assert pages(service)[-3:] == ["1", "2", "3"]


def test_what_the_service_does_not_know_of_a_person_is_left_out(service: PeopleService) -> None:
    def forgetful(_page: int, _at: int, one: User) -> User:
        return {"name": one["name"], "gender": "both", "picture": {"medium": "https://people.example/m.jpg"}}

    service.spoil = forgetful
    (person,) = asked(service, 1)
    name = user(SEED, 1, 0)["name"]
    picture = "https://people.example/m.jpg"
    assert person == Person(full_name=f"{name['first']} {name['last']}", gender="unknown", picture_url=picture)


def test_a_service_that_has_too_few_people_is_a_sentence_rather_than_the_same_people_again(
    service: PeopleService,
) -> None:
    service.spoil = lambda _page, at, one: user(SEED, 1, at)
    with pytest.raises(PermanentError, match="fewer than the 25 people that are needed: its page 2 is an earlier one"):
        asked(service)


def test_a_service_that_gives_fewer_at_once_is_asked_more_often(service: PeopleService) -> None:
    few = json.dumps({"results": [user(SEED, 9, 0)]}).encode()
    service.faults.append(answered(200, few))
    assert len(asked(service, 11)) == 11
    assert pages(service) == ["1", "2"]


def test_no_error_repeats_a_person(service: PeopleService) -> None:
    service.spoil = lambda _page, _at, one: {**one, "dob": "never"}
    with pytest.raises(TransientError) as raised:
        asked(service)
    told = "".join(traceback.format_exception(raised.value))
    assert [at for at in range(10) if user(SEED, 1, at)["name"]["last"] in told] == []
