"""Voters of a file, put on the roll of a draft; their names and addresses go to `registry.voter_profiles` alone."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import psycopg

from election_assets.domain.folder_text import Problems, Values
from election_assets.domain.frozen import AGE_GROUPS, GENDERS
from election_assets.domain.people import PROFILE_COLUMNS, age_group_of
from election_assets.domain.verdict import Reason
from election_assets.loading.drafts import DUPLICATE, Draft
from election_assets.loading.rows import BadRow, Columns, Row
from election_assets.loading.sieve import Sieve

# Precinct → ballot style → the numbers of both.
Styles = Mapping[str, Mapping[str, tuple[int, int]]]

COLUMNS = Columns(
    required=("voter_id", "precinct_id"), optional=("ballot_style_id", "age_group", "gender", *PROFILE_COLUMNS)
)
_TEXTS = tuple(name for name in PROFILE_COLUMNS if name != "birth_date")
_AGE_GROUPS = {group: group for group in AGE_GROUPS}
_GENDERS = {gender: gender for gender in GENDERS}

_STYLES = """
select p.precinct_id, p.ballot_style_id, u.reporting_unit_number, s.ballot_style_number
from registry.precinct_ballot_styles p
join registry.reporting_units u on u.election_id = p.election_id and u.reporting_unit_id = p.precinct_id
join registry.ballot_styles s on s.election_id = p.election_id and s.ballot_style_id = p.ballot_style_id
where p.election_id = %s
"""
# A row that this very transaction wrote has its number in xmin.
_ON_THE_ROLL = """
select voter_id, xmin = pg_current_xact_id()::xid from registry.voters
where election_number = %s and voter_id = any(%s)
"""


class Voter(NamedTuple):
    """A voter as a row says; `profile` is the birth date and the values of `_TEXTS`, where there are any."""

    voter_id: str
    precinct_id: str
    ballot_style_id: str
    age_group: str
    gender: str
    profile: tuple[str | date | None, ...] | None


def load_voters(connection: psycopg.Connection, draft: Draft, sieve: Sieve) -> int:
    """Put the good rows on the roll, and announce its new size to `open`; return how many they are."""
    roll = _Roll(connection, draft)
    loaded: Counter[tuple[str, str]] = Counter()
    for voters in sieve.lots(COLUMNS, roll.sift):
        roll.add(voters)
        loaded.update((voter.precinct_id, voter.ballot_style_id) for voter in voters)
    connection.cursor().executemany(
        "update registry.precinct_ballot_styles set voter_count = voter_count + %s"
        " where election_id = %s and precinct_id = %s and ballot_style_id = %s",
        [(count, draft.election_id, *place) for place, count in loaded.items()],
    )
    connection.execute("analyze registry.voters, registry.voter_profiles, registry.precinct_ballot_styles")
    return loaded.total()


def read_voter(row: Row, styles: Styles, election_date: date) -> Voter | BadRow:
    """Read a row. A birth date without a name only says the age group, on the day of the election."""
    problems = Problems(Path())
    values = Values(row.values, f"line {row.line}: ", problems)
    voter_id, precinct_id = values.identifier("voter_id"), values.identifier("precinct_id")
    style_id = values.identifier("ballot_style_id") if values.optional("ballot_style_id") else None
    gender = values.choice("gender", _GENDERS, default="unknown")
    birth_date = values.day("birth_date") if values.optional("birth_date") else None
    if birth_date and birth_date > election_date:
        problems.add(values.at("birth_date"), f"found {birth_date}", f"write a day before {election_date}")
    age_group = values.choice("age_group", _AGE_GROUPS, default=age_group_of(birth_date, election_date))
    texts = [values.optional(name) for name in _TEXTS]
    if any(texts) and not row.values.get("full_name"):
        problems.add(values.at("full_name"), "nothing stands here", "write whose the other values are")
    if problems.sentences:
        return row.bad(Reason.MALFORMED, " ".join(problems.sentences))
    styles_there = styles.get(precinct_id)
    if styles_there is None:
        return row.bad(Reason.UNKNOWN_PRECINCT, f"The election has no precinct {precinct_id!r}.")
    if style_id is None and len(styles_there) == 1:
        (style_id,) = styles_there
    if style_id is None or style_id not in styles_there:
        known = ", ".join(styles_there)
        return row.bad(Reason.UNKNOWN_BALLOT_STYLE, f"Ballot styles of precinct {precinct_id!r} are: {known}.")
    profile = (birth_date, *texts) if any(texts) else None
    return Voter(voter_id, precinct_id, style_id, age_group, gender, profile)


class _Roll:
    """The roll of a draft, as it grows."""

    def __init__(self, connection: psycopg.Connection, draft: Draft) -> None:
        self._connection = connection
        self._draft = draft
        self._styles: dict[str, dict[str, tuple[int, int]]] = {}
        for precinct_id, style_id, *numbers in connection.execute(_STYLES, (draft.election_id,)):
            self._styles.setdefault(precinct_id, {})[style_id] = (numbers[0], numbers[1])

    def sift(self, rows: list[Row]) -> tuple[list[Voter], list[BadRow]]:
        """Tell the rows of voters who can be added from the others."""
        good: dict[str, tuple[Row, Voter]] = {}
        bad: list[BadRow] = []
        for row in rows:
            voter = read_voter(row, self._styles, self._draft.election_date)
            if isinstance(voter, BadRow):
                bad.append(voter)
            elif voter.voter_id in good:
                line = good[voter.voter_id][0].line
                bad.append(row.bad(DUPLICATE, f"Voter {voter.voter_id!r} stands in line {line} already."))
            else:
                good[voter.voter_id] = row, voter
        for voter_id, is_of_file in self._connection.execute(_ON_THE_ROLL, (self._draft.election_number, list(good))):
            row, _ = good.pop(voter_id)
            place = "stands in an earlier line" if is_of_file else "is on the roll"
            bad.append(row.bad(DUPLICATE, f"Voter {voter_id!r} {place} already."))
        return [voter for _, voter in good.values()], bad

    def add(self, voters: list[Voter]) -> None:
        """Write voters and profiles; who they are by number is left to `open`."""
        election_number = self._draft.election_number
        with self._connection.cursor().copy(
            "copy registry.voters (election_number, voter_id, precinct_number, ballot_style_number, age_group, gender)"
            " from stdin"
        ) as copy:
            for one in voters:
                numbers = self._styles[one.precinct_id][one.ballot_style_id]
                copy.write_row((election_number, one.voter_id, *numbers, one.age_group, one.gender))
        with self._connection.cursor().copy(
            f"copy registry.voter_profiles (election_number, voter_id, birth_date, {', '.join(_TEXTS)}) from stdin"
        ) as copy:
            for one in voters:
                if one.profile is not None:
                    copy.write_row((election_number, one.voter_id, *one.profile))
