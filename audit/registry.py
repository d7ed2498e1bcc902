"""The frozen registry as the recount reads it: names for names, and voters when their ballots come up."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from election_assets.errors import PermanentError

_ELECTION = """
select
    election_number, partition_count, registry_hash, topic_id,
    round(extract(epoch from opens_at) * 1000)::bigint, round(extract(epoch from closes_at) * 1000)::bigint
from registry.elections where election_id = %(election)s and registry_hash is not null
"""
_METHODS = """
select method_number, method, election_id is not null
from registry.methods
left join registry.election_methods using (method)
where coalesce(election_id, %(election)s) = %(election)s
"""
_UNITS = """
select reporting_unit_number, reporting_unit_id, parent_id, reporting_unit_type = 'precinct'
from registry.reporting_units where election_id = %(election)s
"""
_STYLES = "select ballot_style_number, ballot_style_id from registry.ballot_styles where election_id = %(election)s"
_STYLES_OF_PRECINCTS = """
select precinct_id, ballot_style_id, array_remove(array_agg(contest_id), null)
from registry.precinct_ballot_styles
left join registry.ballot_style_contests using (election_id, ballot_style_id)
where election_id = %(election)s
group by precinct_id, ballot_style_id
"""
_CONTESTS = """
select contest_number, contest_id, votes_allowed, array_remove(array_agg(candidate_id), null)
from registry.contests
left join registry.candidates using (election_id, contest_id)
where election_id = %(election)s
group by contest_number, contest_id, votes_allowed
"""
_CANDIDATES = """
select contest_number, candidate_number, candidate_id
from registry.candidates
join registry.contests using (election_id, contest_id)
where election_id = %(election)s
"""
_VOTERS = """
select v.voter_id, v.voter_number, v.precinct_number, v.ballot_style_number, v.age_group, v.gender, p.ballot_id::text
from registry.voters v
left join ledger.participation p using (election_number, voter_number)
where v.election_number = %s and v.voter_id = any(%s)
"""
_ROLL = """
copy (
    select voter_number, voter_id, precinct_number, ballot_style_number, age_group, gender
    from registry.voters where election_number = %s order by voter_id
) to stdout
"""


@dataclass(frozen=True, slots=True)
class Contest:
    """A contest: how many selections it allows, and whom."""

    votes_allowed: int
    candidate_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Names:
    """What the ledger's numbers stand for; candidates by the numbers of contest and candidate."""

    methods: Mapping[int, str]
    units: Mapping[int, str]
    styles: Mapping[int, str]
    contests: Mapping[int, str]
    candidates: Mapping[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class Registry:
    """An opened election. `styles` are precinct → its ballot styles → their contests; hours in ms since 1970, UTC."""

    election_id: str
    election_number: int
    partition_count: int
    registry_hash: str
    topic_id: str
    opens_at_ms: int | None
    closes_at_ms: int | None
    methods: frozenset[str]
    styles: Mapping[str, Mapping[str, tuple[str, ...]]]
    contests: Mapping[str, Contest]
    units_above: Mapping[str, str]
    names: Names


class Voter(NamedTuple):
    """A voter on the roll, and the ballot that the ledger says they voted with, None where it knows of none."""

    voter_number: int
    precinct_id: str
    ballot_style_id: str
    age_group: str
    gender: str
    ledger_ballot_id: str | None


def read_registry(connection: psycopg.Connection, election_id: str) -> Registry:
    """Read an opened election; raise PermanentError where there is none of this id."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.encode(), {"election": election_id}).fetchall()

    found = rows(_ELECTION)
    if not found:
        raise PermanentError(
            f"Election {election_id!r} is not open, so it has no log: `election open {election_id}` makes one."
        )
    election_number, partition_count, registry_hash, topic_id, opens_at_ms, closes_at_ms = found[0]
    methods, units, contests = rows(_METHODS), rows(_UNITS), rows(_CONTESTS)
    styles: dict[str, dict[str, tuple[str, ...]]] = {one: {} for _, one, _, is_precinct in units if is_precinct}
    for precinct_id, style_id, contest_ids in rows(_STYLES_OF_PRECINCTS):
        styles[precinct_id][style_id] = tuple(contest_ids)
    return Registry(
        election_id,
        election_number,
        partition_count,
        registry_hash,
        topic_id,
        opens_at_ms,
        closes_at_ms,
        methods=frozenset(method for _, method, is_used in methods if is_used),
        styles=styles,
        contests={one: Contest(allowed, frozenset(candidates)) for _, one, allowed, candidates in contests},
        units_above={unit_id: parent_id or unit_id for _, unit_id, parent_id, _ in units},
        names=Names(
            methods={number: method for number, method, _ in methods},
            units={number: unit_id for number, unit_id, _, _ in units},
            styles=dict(rows(_STYLES)),
            contests={number: contest_id for number, contest_id, _, _ in contests},
            candidates={(contest, number): candidate_id for contest, number, candidate_id in rows(_CANDIDATES)},
        ),
    )


def read_voters(connection: psycopg.Connection, registry: Registry, voter_ids: Collection[str]) -> dict[str, Voter]:
    """Return those of the voters that are on the roll, by id."""
    units, styles = registry.names.units, registry.names.styles
    rows = connection.execute(_VOTERS, (registry.election_number, list(voter_ids))).fetchall()
    return {
        voter_id: Voter(number, units[precinct], styles[style], age_group, gender, ballot_id)
        for voter_id, number, precinct, style, age_group, gender, ballot_id in rows
    }


def hash_of_registry(connection: psycopg.Connection, registry: Registry) -> str:
    """Return the SHA-256 of what is in the registry now: its definition, a line feed, the roll as COPY spells it."""
    (definition,) = connection.execute("select registry.definition(%s)", (registry.election_id,)).fetchone() or ("",)
    digest = hashlib.sha256(f"{definition}\n".encode())
    with connection.cursor().copy(_ROLL, (registry.election_number,)) as roll:
        for block in roll:
            digest.update(block)
    return digest.hexdigest()
