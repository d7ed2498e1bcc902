"""People from a service that answers as randomuser.me does (its version 1.4), asked page by page as they are needed."""

import json
from collections.abc import Iterator
from datetime import datetime
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import requests
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InvalidHeader

from election_assets.domain.frozen import GENDERS
from election_assets.domain.people import Name, Person, Text
from election_assets.errors import PermanentError, TransientError

# The most that randomuser.me gives at once; asked for more, it gives one.
_PAGE = 5_000
# So many people come to some 6 MB.
_MAX_BYTES = 64 * 1024 * 1024
_ATTEMPTS = 6
_BACKOFF_SECONDS = 0.5
# A service that wants to be left alone for longer is taken at its word, and not asked again.
_LONGEST_WAIT_SECONDS = 120.0
# To connect, between two pieces of an answer, and for all of it.
_TIMEOUTS_SECONDS = (5.0, 30.0)
_ANSWER_SECONDS = 120.0
_BUSY = (408, 425, 429)
_SERVER_ERROR, _CLIENT_ERROR = 500, 400


class _FullName(msgspec.Struct, frozen=True):
    first: Name
    last: Name


class _Street(msgspec.Struct, frozen=True):
    number: int | Text = ""
    name: Text = ""


class _Location(msgspec.Struct, frozen=True):
    street: _Street = _Street()
    city: Text = ""
    state: Text = ""
    postcode: int | Text = ""
    country: Text = ""


class _Birth(msgspec.Struct, frozen=True):
    date: datetime


class _Picture(msgspec.Struct, frozen=True):
    large: Text | None = None
    medium: Text | None = None


class _User(msgspec.Struct, frozen=True):
    """A person as the service spells one; without a name of two parts nobody can be registered."""

    name: _FullName
    gender: str = ""
    dob: _Birth | None = None
    location: _Location = _Location()
    email: Text | None = None
    phone: Text | None = None
    cell: Text | None = None
    picture: _Picture = _Picture()


class _UnusableError(Exception):
    """An answer to be asked for again, after `wait` seconds where the service says so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def people_from_api(url: str, seed: str, number: int) -> Iterator[Person]:
    """Yield so many people; the same seed gives the same ones. A malformed one is passed over for another.

    Raises TransientError where the service stays away, busy or incomprehensible, and PermanentError
    where it refuses or has no more people.
    """
    seen = set()
    page, left = 0, number
    with requests.Session() as session:
        service = _Service(session, url, seed, min(number, _PAGE))
        while left > 0:
            page += 1
            people = service.people(page)
            if people[0] in seen:
                raise PermanentError(
                    f"The people service at {service.place} has fewer than the {number:,} people that are needed: its "
                    f"page {page} is an earlier one. Set another ELECTION_PEOPLE_URL, or ELECTION_PEOPLE=synthetic."
                )
            seen.add(people[0])
            yield from people[:left]
            left -= len(people)


class _Service:
    """The service, asked with the parameters of its URL, and of these nationals unless the URL names others."""

    def __init__(self, session: requests.Session, url: str, seed: str, results: int) -> None:
        self._session = session
        self._url, _, query = url.partition("?")
        self._query = {"nat": "us", **dict(parse_qsl(query)), "seed": seed, "results": str(results)}
        # A URL may hold a password or a key, which errors must not show.
        parts = urlsplit(url)
        self.place = parts.netloc.rpartition("@")[2] + parts.path

    def people(self, page: int) -> list[Person]:
        """Return the people of a page, at least one, however often it takes to ask."""
        attempt = 1
        while True:
            try:
                return self._ask(page)
            except _UnusableError as error:
                wait = _BACKOFF_SECONDS * 2 ** (attempt - 1) if error.wait is None else error.wait
                if attempt == _ATTEMPTS or wait > _LONGEST_WAIT_SECONDS:
                    asks = f" and wants to be asked again in {wait:,.0f} s" if error.wait else ""
                    raise TransientError(
                        f"The people service at {self.place} {error}{asks} (attempt {attempt} of {_ATTEMPTS}): nothing "
                        "was kept. Try again later, or set another ELECTION_PEOPLE_URL."
                    ) from error
                sleep(wait)
                attempt += 1

    def _ask(self, page: int) -> list[Person]:
        query = {**self._query, "page": str(page)}
        try:
            with self._session.get(self._url, params=query, timeout=_TIMEOUTS_SECONDS, stream=True) as response:
                self._refuse_status(response)
                body = _body(response)
        except (requests.RequestException, HTTPError) as error:
            # Not from that error, which repeats the URL, and with it a key.
            raise _UnusableError(f"did not answer ({type(error).__name__})") from None
        people = [person for found in _results(body) if (person := _person(found))]
        if not people:
            raise _UnusableError("answered without a single person that can be understood")
        return people

    def _refuse_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in _BUSY or status >= _SERVER_ERROR:
            raise _UnusableError(f"answered with status {status}", _wait_asked_for(response))
        if status >= _CLIENT_ERROR:
            raise PermanentError(
                f"The people service at {self.place} answered with status {status}: set ELECTION_PEOPLE_URL to one "
                "that answers as https://randomuser.me/api/ does."
            )


def _wait_asked_for(response: requests.Response) -> float | None:
    """Return the seconds that a Retry-After header says, as a number or as a date; None where it says nothing."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", ""))
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _body(response: requests.Response) -> bytes:
    """Return the whole answer; one that never ends, or only drips, is cut off."""
    body = bytearray()
    deadline = monotonic() + _ANSWER_SECONDS
    while piece := response.raw.read1(1 << 16, decode_content=True):
        body += piece
        if len(body) > _MAX_BYTES or monotonic() > deadline:
            raise _UnusableError(f"answered with more than {_MAX_BYTES >> 20} MiB, or for {_ANSWER_SECONDS:.0f} s")
    return bytes(body)


def _results(body: bytes) -> list[Any]:
    """Return what should be people."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _UnusableError("answered with something else than JSON") from error
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise _UnusableError("answered without results")
    return results


def _person(found: Any) -> Person | None:
    """Read a person; None for one with a field that is not as it should be."""
    try:
        user = msgspec.convert(found, _User)
    except msgspec.ValidationError:
        return None
    place = user.location
    lines = (
        (place.street.number, place.street.name),
        (place.city,),
        (place.state, place.postcode),
        (place.country,),
    )
    written = (" ".join(str(word) for word in line if word != "") for line in lines)
    return Person(
        full_name=f"{user.name.first.strip()} {user.name.last.strip()}",
        gender=user.gender if user.gender in GENDERS else "unknown",
        birth_date=user.dob.date.date() if user.dob else None,
        address=", ".join(line for line in written if line) or None,
        email=user.email,
        phone=user.phone,
        cell_phone=user.cell,
        picture_url=user.picture.large or user.picture.medium,
    )
