"""The voters of a roll as people: who a person is, and invented ones, drawn from the election's seed.

Nobody invented here exists. Their mail goes to example.org and their telephone numbers end in 555-01xx, which nobody
can have. Where people come from otherwise is in `people.py` of the package.
"""

from bisect import bisect
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

import msgspec
import numpy as np

from election_assets.domain.apportionment import Integers
from election_assets.domain.election import Election
from election_assets.domain.electorate import voters
from election_assets.domain.frozen import AGE_GROUPS, GENDERS
from election_assets.domain.plain_text import CONTROL_CHARACTERS
from election_assets.domain.seeds import generator


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FEMALE = _words(
    "Abigail Alice Amara Anna Aisha Beatrice Camila Carmen Charlotte Clara Daniela Edith Elena Eliza Esther Fatima "
    "Frances Grace Hannah Helen Imani Ines Isabel Ivy Jane Josephine Judith Julia Laura Leah Lucia Mabel Margaret "
    "Maria Mei Miriam Nadia Naomi Nora Olivia Priya Rosa Ruth Sarah Sofia Susan Teresa Valerie Yuki Zoe"
)
_MALE = _words(
    "Aaron Adam Ahmed Albert Andre Anthony Arthur Ben Carlos Chen Daniel David Diego Edgar Elijah Emil Felix Francis "
    "George Hassan Henry Hugo Isaac Ivan Jamal James Jonas Jorge Joseph Kenji Leo Louis Lucas Marcus Martin Mateo "
    "Miguel Nathan Noah Oliver Omar Oscar Paul Peter Ravi Samuel Simon Thomas Victor Walter"
)
_LAST = _words(
    "Adams Ahmed Allen Alvarez Anderson Bailey Baker Barnes Becker Bell Bennett Brooks Brown Burke Campbell Carter "
    "Castillo Chang Clark Cohen Cole Collins Cooper Cruz Davis Diaz Dixon Edwards Ellis Evans Fischer Fisher Flores "
    "Foster Garcia Gibson Gomez Grant Gray Green Hall Hansen Harris Hayes Henderson Hughes Hunt Ibrahim Jackson James "
    "Jensen Johnson Jones Kelly Khan Kim King Klein Larson Lee Lewis Long Lopez Martin Mason Meyer Miller Mitchell "
    "Moore Morgan Murphy Myers Nelson Nguyen Novak Olsen Ortiz Owens Park Parker Patel Perez Phillips Porter Price "
    "Ramirez Reed Reyes Rivera Roberts Rogers Romero Ross Russell Sanchez Schmidt Scott Shah Silva Simmons Singh "
    "Smith Snyder Stewart Stone Sullivan Tanaka Taylor Thomas Torres Turner Vargas Walker Wang Ward Weber White "
    "Williams Wilson Wolf Wong Wood Wright Young Zimmerman"
)
_STREETS = _words(
    "Maple Oak Cedar Elm Chestnut Walnut Pine Spruce Birch Willow Church Mill Main High Market Spring Orchard Meadow "
    "Ridge River Bridge School Hill Lake Park Station Quarry Garden Valley Forest"
)
_WAYS = ("Street", "Road", "Avenue", "Lane")

# Ages from and to, both included; nobody on a synthetic roll is older than 95.
_AGES = {"18-24": (18, 24), "25-34": (25, 34), "35-44": (35, 44), "45-54": (45, 54), "55-64": (55, 64), "65+": (65, 95)}


# Groups begin at these ages; of someone older than anyone has become, or younger than the first, the age is unknown.
_GROUPS_BEGIN = (18, 25, 35, 45, 55, 65, 123)

# What Postgres keeps and a terminal can show.
_SHOWN = rf"[^{CONTROL_CHARACTERS}]*"
Text = Annotated[str, msgspec.Meta(max_length=1_000, pattern=rf"\A{_SHOWN}\Z")]
Name = Annotated[str, msgspec.Meta(max_length=1_000, pattern=rf"\A(?=.*\S){_SHOWN}\Z")]
Gender = Annotated[str, msgspec.Meta(pattern=rf"\A({'|'.join(GENDERS)})\Z")]


class Person(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Who a voter is, for a registration office: nothing of it goes to the log, the ledger or the marts."""

    gender: Gender
    full_name: Name
    birth_date: date | None = None
    address: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    cell_phone: Text | None = None
    picture_url: Text | None = None


# What `registry.voter_profiles` keeps: the gender is on the roll.
PROFILE_COLUMNS = Person.__struct_fields__[1:]


def age_group_of(birth_date: date | None, on: date) -> str:
    """Return the age group that someone is in on a day."""
    if birth_date is None:
        return AGE_GROUPS[-1]
    age = on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
    # Before the first group stands the last, which is that of unknown ages.
    return AGE_GROUPS[bisect(_GROUPS_BEGIN, age) - 1]


def synthetic_people(election: Election) -> Iterator[Person]:
    """Invent every voter, in the order of the roll, of the gender and age group that the roll has."""
    roll = voters(election)
    random = generator(election.election_id, election.seed, "profiles")
    size = len(roll)
    born = _birth_dates(election.election_date, roll.age_groups.astype(np.int64), random.random(size))
    places = [unit.reporting_unit_name for unit in election.reporting_units]
    # A column per choice: first name, last name, house, street, way, and the two telephone numbers.
    bounds = (50, len(_LAST), 9_900, len(_STREETS), len(_WAYS), 100, 100)
    draws = zip(*(random.integers(0, bound, size).tolist() for bound in bounds), strict=True)
    for (voter_id, precinct, _, _, gender), birth_date, draw in zip(roll.rows(), born, draws, strict=True):
        first, last, house, street, way, phone, cell_phone = draw
        first_name, last_name = (_FEMALE if gender == "female" else _MALE)[first], _LAST[last]
        yield Person(
            gender,
            f"{first_name} {last_name}",
            birth_date,
            f"{house + 100} {_STREETS[street]} {_WAYS[way]}, {places[precinct - 1]}",
            f"{first_name.lower()}.{last_name.lower()}.{voter_id}@example.org",
            f"+1-200-555-01{phone:02}",
            f"+1-300-555-01{cell_phone:02}",
            f"https://example.org/pictures/{voter_id}.png",
        )


def _birth_dates(on: date, age_groups: Integers, fractions: np.ndarray) -> list[date | None]:
    """Return a birth date for everyone, such that their age on a day lies in their group; None for unknown ages."""
    spans = [_days_of_birth(on, *_AGES[group]) if group in _AGES else (0, 0) for group in AGE_GROUPS]
    first = np.array([span[0] for span in spans])[age_groups]
    count = np.array([span[1] for span in spans])[age_groups]
    days = {day: date.fromordinal(day) for begin, size in spans if size for day in range(begin, begin + size)}
    return [days.get(day) for day in (first + (fractions * count).astype(np.int64)).tolist()]


def _days_of_birth(on: date, youngest: int, oldest: int) -> tuple[int, int]:
    """Return the first birthday, as an ordinal, of the ages from `youngest` to `oldest`, and the number of days."""
    begin = _years_before(on, oldest + 1) + timedelta(days=1)
    return begin.toordinal(), (_years_before(on, youngest) - begin).days + 1


def _years_before(day: date, years: int) -> date:
    """Return the day so many years earlier; 28 February stands for 29 where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
