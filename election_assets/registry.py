"""Registering: an election folder becomes rows of the registry, a draft until it is opened."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg import sql

from election_assets.domain.election import Election
from election_assets.domain.electorate import VoterColumns, voters
from election_assets.domain.frozen import AGE_GROUPS, GENDERS
from election_assets.domain.people import PROFILE_COLUMNS, Person, age_group_of, synthetic_people
from election_assets.errors import PermanentError, TransientError

_TABLES = (
    "elections",
    "contests",
    "candidates",
    "reporting_units",
    "ballot_styles",
    "ballot_style_contests",
    "precinct_ballot_styles",
    "voters",
    "official_results",
    "official_ballots",
    "contradictions",
)


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering did: `is_new` is False where the registry held the same already."""

    election_id: str
    is_new: bool
    is_open: bool
    voter_count: int
    contest_count: int
    precinct_count: int
    contradiction_count: int


def hash_of(election: Election) -> str:
    """Return the SHA-256 of what an election folder says, but for the baseline, which decides nothing."""
    said = {one.name: getattr(election, one.name) for one in fields(election) if one.name != "baseline_election_id"}
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def register(
    conninfo: str, election: Election, people: Iterable[Person] | None = None, *, anew: bool = False
) -> Registered:
    """Load an election into the registry in one transaction, in place of a draft of the same id.

    `conninfo` is the registrar's, `people` are those on the roll, in its order: invented ones where None. A draft of
    the same folder stays, with its people, unless it is to be loaded `anew`. Raises PermanentError where the id is
    open with other contents.
    """
    folder_hash = hash_of(election)
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "select folder_hash, opened_at is not null from registry.elections where election_id = %s for update",
            (election.election_id,),
        ).fetchone()
        found, is_open = row or (None, False)
        if is_open and found != folder_hash:
            raise PermanentError(
                f"Election {election.election_id!r} is open and was registered from another folder: what is open "
                "cannot change. Register this one under another id."
            )
        is_new = found != folder_hash or (anew and not is_open)
        if is_new:
            _replace(connection, election, folder_hash, synthetic_people(election) if people is None else people)
            connection.execute("analyze " + ", ".join(f"registry.{table}" for table in _TABLES))
        _set_baseline(connection, election)
    return Registered(
        election_id=election.election_id,
        is_new=is_new,
        is_open=is_open,
        voter_count=election.voter_count,
        contest_count=len(election.contests),
        precinct_count=len(election.precincts),
        contradiction_count=len(election.contradictions),
    )


def _set_baseline(connection: psycopg.Connection, election: Election) -> None:
    """Say which election this one is compared with; that may change after the opening too."""
    if election.baseline_election_id is None:
        connection.execute("delete from registry.baselines where election_id = %s", (election.election_id,))
    else:
        connection.execute(
            "insert into registry.baselines (election_id, baseline_election_id) values (%s, %s)"
            " on conflict (election_id) do update set baseline_election_id = excluded.baseline_election_id",
            (election.election_id, election.baseline_election_id),
        )


def _replace(connection: psycopg.Connection, election: Election, folder_hash: str, people: Iterable[Person]) -> None:
    election_id = election.election_id
    for table in ("voters", "voter_profiles"):
        connection.execute(
            sql.SQL(
                "delete from registry.{} where election_number in"
                " (select election_number from registry.elections where election_id = %s)"
            ).format(sql.Identifier(table)),
            (election_id,),
        )
    connection.execute("delete from registry.elections where election_id = %s", (election_id,))
    row = connection.execute(
        "insert into registry.elections (election_id, election_name, election_date, election_type, publish, is_test,"
        " opens_at, closes_at, partition_count, seed, source, folder_hash)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning election_number",
        (
            election_id,
            election.election_name,
            election.election_date,
            election.election_type,
            election.publish.value,
            election.is_test,
            election.opens_at,
            election.closes_at,
            election.partition_count,
            election.seed,
            election.source,
            folder_hash,
        ),
    ).fetchone()
    assert row is not None
    for table, columns, rows in _definition_rows(election):
        _copy(connection, table, columns, ((election_id, *values) for values in rows))
    _copy_voters(connection, row[0], _copy_people(connection, row[0], election, people))


def _copy_people(
    connection: psycopg.Connection, election_number: int, election: Election, people: Iterable[Person]
) -> VoterColumns:
    """Write who the voters are; return the roll with the groups that follow from that on the election's date."""
    roll = voters(election)
    groups = np.empty((len(roll), 2), dtype=np.int8)

    def rows() -> Iterator[tuple[Any, ...]]:
        for at, (voter, person) in enumerate(zip(roll.rows(), people, strict=True)):
            age_group = age_group_of(person.birth_date, election.election_date)
            groups[at] = AGE_GROUPS.index(age_group), GENDERS.index(person.gender)
            yield election_number, voter[0], *msgspec.structs.astuple(person)[1:]

    try:
        _copy(connection, "voter_profiles", ("election_number", "voter_id", *PROFILE_COLUMNS), rows())
    except psycopg.Error as error:
        # Not from that error, whose context repeats a row: who the voters are is nothing for logs.
        kind = TransientError if isinstance(error, psycopg.OperationalError) else PermanentError
        reason = error.diag.message_primary or type(error).__name__
        raise kind(f"Postgres did not take the people of {election.election_id!r}: {reason}.") from None
    return replace(roll, age_groups=groups[:, 0], genders=groups[:, 1])


def _copy_voters(connection: psycopg.Connection, election_number: int, roll: VoterColumns) -> None:
    """Write the roll in byte order of voter ids, so that `open` finds every voter numbered."""
    rows = sorted(roll.rows(), key=lambda row: row[0].encode())
    columns = ("voter_number", "voter_id", "precinct_number", "ballot_style_number", "age_group", "gender")
    numbered = ((election_number, number, *row) for number, row in enumerate(rows))
    _copy(connection, "voters", ("election_number", *columns), numbered)


def _copy(connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    statement = sql.SQL("copy registry.{} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _definition_rows(election: Election) -> Iterable[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Yield table, columns and rows (but for the election's id) in an order that foreign keys allow."""
    yield "election_methods", ("election_id", "method"), [(method.value,) for method in election.methods]
    yield (
        "contests",
        (
            "election_id",
            "contest_number",
            "contest_id",
            "contest_name",
            "office",
            "district",
            "votes_allowed",
        ),
        [
            (number, one.contest_id, one.contest_name, one.office, one.district, one.votes_allowed)
            for number, one in enumerate(election.contests, 1)
        ],
    )
    yield (
        "candidates",
        (
            "election_id",
            "contest_id",
            "candidate_number",
            "candidate_id",
            "candidate_name",
            "party",
            "is_write_in",
        ),
        [
            (contest.contest_id, number, one.candidate_id, one.candidate_name, one.party, one.is_write_in)
            for contest in election.contests
            for number, one in enumerate(contest.candidates, 1)
        ],
    )
    yield (
        "reporting_units",
        (
            "election_id",
            "reporting_unit_number",
            "reporting_unit_id",
            "reporting_unit_name",
            "reporting_unit_type",
            "parent_id",
            "registered_voter_count",
        ),
        [
            (
                number,
                unit.reporting_unit_id,
                unit.reporting_unit_name,
                unit.reporting_unit_type,
                unit.parent_id,
                unit.registered_voter_count,
            )
            for number, unit in enumerate(election.reporting_units, 1)
        ],
    )
    yield (
        "ballot_styles",
        ("election_id", "ballot_style_number", "ballot_style_id"),
        [(number, style.ballot_style_id) for number, style in enumerate(election.ballot_styles, 1)],
    )
    yield (
        "ballot_style_contests",
        ("election_id", "ballot_style_id", "contest_id"),
        [(style.ballot_style_id, contest) for style in election.ballot_styles for contest in style.contest_ids],
    )
    yield (
        "precinct_ballot_styles",
        ("election_id", "precinct_id", "ballot_style_id", "voter_count"),
        [(one.precinct_id, one.ballot_style_id, one.voter_count) for one in election.precinct_ballot_styles],
    )
    yield from _source_rows(election)


def _source_rows(election: Election) -> Iterable[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Yield what a past election's source published, and what it contradicts in itself."""
    yield (
        "official_results",
        ("election_id", "contest_id", "candidate_id", "precinct_id", "method", "vote_count"),
        [
            (one.contest_id, one.candidate_id, one.precinct_id, one.method.value, one.vote_count)
            for one in election.official_results
        ],
    )
    yield (
        "official_ballots",
        ("election_id", "precinct_id", "method", "ballot_count", "blank_count"),
        [(one.precinct_id, one.method.value, one.ballot_count, one.blank_count) for one in election.official_ballots],
    )
    yield (
        "contradictions",
        (
            "election_id",
            "contradiction_number",
            "kind",
            "precinct_id",
            "contest_id",
            "candidate_id",
            "method",
            "cell",
            "found",
            "expected",
            "action",
            "replayed_count",
        ),
        [
            (
                number,
                one.kind,
                one.precinct_id,
                one.contest_id,
                one.candidate_id,
                one.method.value if one.method else None,
                one.cell,
                one.found,
                one.expected,
                one.action,
                one.replayed_count,
            )
            for number, one in enumerate(election.contradictions, 1)
        ],
    )
