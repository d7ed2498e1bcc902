"""The people of elections: who the voters on a roll are, and what candidates of synthetic elections are called.

The one place that chooses between inventing them, asking a service and reading a file.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from election_assets.domain.election import Election
from election_assets.domain.people import PROFILE_COLUMNS, Person
from election_assets.domain.seeds import seed_text
from election_assets.domain.synthetic import candidate_count
from election_assets.errors import PermanentError
from election_assets.loading.rows import BadRow, Columns, Row, read_rows
from election_assets.settings import PeopleSettings, PeopleSource

_COLUMNS = Columns(required=PROFILE_COLUMNS[:1], optional=("gender", *PROFILE_COLUMNS[1:]))
_REMEDY = (
    f"A person has {', '.join(_COLUMNS.required)}, and may have {', '.join(_COLUMNS.optional)}; gender is female, male "
    "or unknown, and a date is like 1980-12-31. CSV (.csv) has a header, JSON lines end in .jsonl."
)


def people_on_roll(settings: PeopleSettings, election: Election) -> Iterator[Person] | None:
    """Return a person for everyone on an election's roll, found as they are asked for; None for invented people."""
    seed = seed_text(election.election_id, election.seed, "people")
    return _people(settings, seed, election.voter_count)


def candidate_names(settings: PeopleSettings, election_id: str, seed: int, contests: int) -> Iterator[str] | None:
    """Return a name for every candidate of a synthetic election; None for invented ones."""
    people = _people(settings, seed_text(election_id, seed, "candidates"), candidate_count(contests))
    return None if people is None else (person.full_name for person in people)


def _people(settings: PeopleSettings, seed: str, number: int) -> Iterator[Person] | None:
    if settings.source is PeopleSource.API:
        # The client takes a tenth of a second to load, which only those who ask a service need wait for.
        from election_assets.resources.people_api import people_from_api

        return people_from_api(settings.url, seed, number)
    if settings.source is PeopleSource.FILE:
        return _people_from_file(settings.file, number)
    return None


def _people_from_file(file: Path, number: int) -> Iterator[Person]:
    """Yield the first people of a file, so many.

    Raises PermanentError for a file that cannot be read, has fewer people, or has a line that is none; it
    names the line and repeats nothing of it.
    """
    found = 0
    for row in islice(_rows(file), number):
        yield _person(file, row)
        found += 1
    if found < number:
        raise PermanentError(
            f"{file} has {found:,} people, but {number:,} are needed: add the missing ones, or take them from "
            "elsewhere by ELECTION_PEOPLE."
        )


def _rows(file: Path) -> Iterator[Row | BadRow]:
    if file.exists() and not file.is_file():
        raise PermanentError(f"ELECTION_PEOPLE_FILE {str(file)!r} cannot be read: it is no regular file.")
    try:
        yield from read_rows(file, _COLUMNS)
    except OSError as error:
        raise PermanentError(f"ELECTION_PEOPLE_FILE {str(file)!r} cannot be read: {error.strerror}.") from error
    except PermanentError:
        # Not from that error, which repeats the header: where there is none, this is the first person.
        raise PermanentError(f"{file} is no file of people. {_REMEDY}") from None


def _person(file: Path, row: Row | BadRow) -> Person:
    reason = "malformed"
    if isinstance(row, Row):
        try:
            values = {name: value for name, value in row.values.items() if value}
            return msgspec.convert({"gender": "unknown", **values}, Person)
        except msgspec.ValidationError as error:
            # It names the field, never the value.
            reason = str(error)
    raise PermanentError(f"Line {row.line} of {file} is no person: {reason}. {_REMEDY}")
