"""The voters of a synthetic roll as people: invented names, addresses and numbers, drawn from the election's seed.

Nobody here exists. Mail goes to example.org and telephone numbers end in 555-01xx, which nobody can have.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
import numpy as np

from election_assets.domain.apportionment import Integers
from election_assets.domain.election import Election
from election_assets.domain.electorate import voters
from election_assets.domain.frozen import AGE_GROUPS, GENDERS
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


class Profile(msgspec.Struct, frozen=True, gc=False):
    """Who a voter is, for a registration office: nothing of it goes to the log, the ledger or the marts."""

    voter_id: str
    full_name: str
    birth_date: date | None
    address: str
    email: str
    phone: str
    cell_phone: str
    picture_url: str


def profiles(election: Election) -> Iterator[Profile]:
    """Yield the profile of every voter, in the order of the roll."""
    roll = voters(election)
    random = generator(election.election_id, election.seed, "profiles")
    size = len(roll)
    born = _birth_dates(election.election_date, roll.age_groups.astype(np.int64), random.random(size))
    places = [unit.reporting_unit_name for unit in election.reporting_units]
    # A column per choice: first name, last name, house, street, way, and the two telephone numbers.
    bounds = (50, len(_LAST), 9_900, len(_STREETS), len(_WAYS), 100, 100)
    draws = zip(*(random.integers(0, bound, size).tolist() for bound in bounds), strict=True)
    names = [_FEMALE if GENDERS[group] == "female" else _MALE for group in roll.genders.tolist()]
    for (voter_id, precinct, *_), first_names, birth_date, draw in zip(roll.rows(), names, born, draws, strict=True):
        first, last, house, street, way, phone, cell_phone = draw
        first_name, last_name = first_names[first], _LAST[last]
        yield Profile(
            voter_id,
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
