"""The frozen registry, read and checked: the definition for every task, the roll as files for every worker.

Postgres keeps the registry; here it is only read.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from pyarrow import compute, csv

from election_assets.domain.frozen import ContestRules, FrozenElection, Roll, group_number
from election_assets.domain.partitioning import partitions_of
from election_assets.errors import PermanentError

_ARRAYS = ("ids", "precinct_numbers", "ballot_style_numbers", "groups", "partitions")
_ROLL_COLUMNS = "voter_number, voter_id, precinct_number, ballot_style_number, age_group, gender"


def read_frozen(connection: psycopg.Connection, election_id: str) -> FrozenElection:
    """Read the definition of an open election; raise PermanentError where it is unknown or not open."""
    row = connection.execute(
        "select election_number, partition_count, registry_hash,"
        " (extract(epoch from opens_at) * 1000)::bigint, (extract(epoch from closes_at) * 1000)::bigint"
        " from registry.elections where election_id = %s",
        (election_id,),
    ).fetchone()
    if row is None:
        raise PermanentError(
            f"The registry has no election {election_id!r}: `election register {election_id}` comes first."
        )
    election_number, partition_count, registry_hash, opens_at_ms, closes_at_ms = row
    if registry_hash is None:
        raise PermanentError(f"Election {election_id!r} is still a draft: `election open {election_id}` comes first.")
    return FrozenElection(
        election_id=election_id,
        election_number=election_number,
        partition_count=partition_count,
        registry_hash=registry_hash,
        opens_at_ms=opens_at_ms,
        closes_at_ms=closes_at_ms,
        contests=_contests(connection, election_id),
        **_units_and_styles(connection, election_id),
    )


def election_number(connection: psycopg.Connection, election_id: str) -> int:
    """Return the number that stands for an election in the ledger; raise PermanentError where it is unknown."""
    row = connection.execute(
        "select election_number from registry.elections where election_id = %s", (election_id,)
    ).fetchone()
    if row is None:
        raise PermanentError(
            f"The registry has no election {election_id!r}: `election register {election_id}` comes first."
        )
    return int(row[0])


def registry_hash(connection: psycopg.Connection, election_id: str) -> str:
    """Return the SHA-256 of an election's rows: its definition, then its roll in order of voter number."""
    return _hash_and_roll(connection, election_id)[0]


def check_and_keep_roll(connection: psycopg.Connection, election: FrozenElection, folder: Path) -> None:
    """Compare the registry with its freeze and keep the roll's arrays in `folder`, where they are missing.

    Raises PermanentError where a row was changed behind the triggers.
    """
    found, roll = _hash_and_roll(connection, election.election_id)
    if found != election.registry_hash:
        raise PermanentError(
            f"The registry of {election.election_id!r} is not what was frozen: its hash is {found[:16]}…, "
            f"it was opened with {election.registry_hash[:16]}…. Restore the registry's rows from a backup."
        )
    place = folder / election.registry_hash
    if not place.exists():
        _write_arrays(_arrays(roll, election.partition_count), place)


def load_roll(election: FrozenElection, folder: Path, conninfo: str) -> Roll:
    """Map the roll's arrays, shared by all workers of a host; make them from Postgres where missing."""
    place = folder / election.registry_hash
    if not place.exists():
        with psycopg.connect(conninfo) as connection:
            check_and_keep_roll(connection, election, folder)
    return Roll(*(np.load(place / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))


def _contests(connection: psycopg.Connection, election_id: str) -> dict[str, ContestRules]:
    candidates: dict[str, dict[str, int]] = {}
    for contest_id, candidate_id, number in connection.execute(
        "select contest_id, candidate_id, candidate_number from registry.candidates where election_id = %s",
        (election_id,),
    ):
        candidates.setdefault(contest_id, {})[candidate_id] = number
    rows = connection.execute(
        "select contest_id, contest_number, votes_allowed from registry.contests where election_id = %s",
        (election_id,),
    )
    return {
        contest_id: ContestRules(number, votes_allowed, candidates.get(contest_id, {}))
        for contest_id, number, votes_allowed in rows
    }


def _units_and_styles(connection: psycopg.Connection, election_id: str) -> dict[str, Any]:
    methods = connection.execute(
        "select method, method_number from registry.election_methods join registry.methods using (method)"
        " where election_id = %s",
        (election_id,),
    ).fetchall()
    precincts = connection.execute(
        "select u.reporting_unit_id, u.reporting_unit_number,"
        " coalesce(p.reporting_unit_number, u.reporting_unit_number)"
        " from registry.reporting_units u left join registry.reporting_units p"
        " on p.election_id = u.election_id and p.reporting_unit_id = u.parent_id"
        " where u.election_id = %s and u.reporting_unit_type = 'precinct'",
        (election_id,),
    ).fetchall()
    styles: dict[str, int] = dict(
        connection.execute(
            "select ballot_style_id, ballot_style_number from registry.ballot_styles where election_id = %s",
            (election_id,),
        ).fetchall()
    )
    style_contests: dict[int, set[str]] = {number: set() for number in styles.values()}
    for style_id, contest_id in connection.execute(
        "select ballot_style_id, contest_id from registry.ballot_style_contests where election_id = %s",
        (election_id,),
    ):
        style_contests[styles[style_id]].add(contest_id)
    precinct_numbers = {precinct_id: number for precinct_id, number, _ in precincts}
    precinct_styles = connection.execute(
        "select precinct_id, ballot_style_id from registry.precinct_ballot_styles where election_id = %s",
        (election_id,),
    )
    return {
        "method_numbers": dict(methods),
        "precinct_numbers": precinct_numbers,
        "parent_numbers": {number: parent for _, number, parent in precincts},
        "ballot_style_numbers": styles,
        "precinct_ballot_styles": frozenset(
            (precinct_numbers[precinct_id], styles[style_id]) for precinct_id, style_id in precinct_styles
        ),
        "ballot_style_contests": {number: frozenset(contests) for number, contests in style_contests.items()},
    }


def _hash_and_roll(connection: psycopg.Connection, election_id: str) -> tuple[str, bytes]:
    """Return the hash and the roll it was made over, as the tab-separated text of COPY."""
    (definition,) = connection.execute("select registry.definition(%s)", (election_id,)).fetchone() or ("",)
    with connection.cursor().copy(
        f"copy (select {_ROLL_COLUMNS} from registry.voters where election_number ="  # noqa: S608
        " (select election_number from registry.elections where election_id = %s)"
        " order by voter_id) to stdout",
        (election_id,),
    ) as copy:
        roll = b"".join(bytes(block) for block in copy)
    return hashlib.sha256(definition.encode() + b"\n" + roll).hexdigest(), roll


def _arrays(roll: bytes, partition_count: int) -> dict[str, np.ndarray]:
    names = _ROLL_COLUMNS.split(", ")
    types = dict.fromkeys(("voter_id", "age_group", "gender"), pa.binary())
    types |= {"voter_number": pa.int64(), "precinct_number": pa.int32(), "ballot_style_number": pa.int16()}
    if not roll:
        columns: dict[str, Any] = {name: pa.array([], types[name]) for name in names}
    else:
        table = csv.read_csv(
            pa.py_buffer(roll),
            csv.ReadOptions(column_names=names),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(column_types=types),
        )
        columns = {name: table[name].combine_chunks() for name in names}
    ids = np.array(columns["voter_id"].to_pylist(), dtype="S")
    groups = compute.binary_join_element_wise(columns["age_group"], columns["gender"], b"|").dictionary_encode()
    codes = np.array(
        [group_number(*text.decode().split("|")) for text in groups.dictionary.to_pylist()], dtype=np.uint8
    )
    return {
        "ids": ids,
        "precinct_numbers": columns["precinct_number"].to_numpy(),
        "ballot_style_numbers": columns["ballot_style_number"].to_numpy(),
        "groups": codes[groups.indices.to_numpy()] if len(codes) else np.zeros(0, np.uint8),
        "partitions": partitions_of(ids, partition_count),
    }


def _write_arrays(arrays: dict[str, np.ndarray], place: Path) -> None:
    """Write beside, then rename: another process sees all of the arrays or none."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=place.parent))
    for name in _ARRAYS:
        np.save(beside / f"{name}.npy", arrays[name])
    try:
        os.replace(beside, place)
    except OSError:
        # Another worker was first; the name is the content's hash, so its files are the same.
        shutil.rmtree(beside)
        if not place.exists():
            raise
