"""First valid ballot wins: who has voted, and what becomes of a voter's further ballots.

Participation says that a voter's ballot is counted and which one; never what is on it.
"""

import uuid

import numpy as np
import psycopg

from election_assets.domain.judge import Judged, Uncounted
from election_assets.domain.verdict import Reason

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("election_size", ">i4"),
        ("election_number", ">i4"),
        ("voter_size", ">i4"),
        ("voter_number", ">i4"),
        ("ballot_size", ">i4"),
        ("ballot_id", "u1", 16),
    ]
)

# Partitions whose last batch held a voter who had voted before: `on conflict` at once is cheaper there.
_collided: set[tuple[int, int]] = set()


def settle(
    connection: psycopg.Connection, election_number: int, partition: int, judged: Judged
) -> tuple[np.ndarray, list[Uncounted]]:
    """Put each voter's first ballot into `participation`; return which ballots those are, and the others' fate."""
    voters, first_rows = np.unique(judged.voter_numbers, return_index=True)
    is_new = _insert(connection, election_number, partition, voters, judged.ballot_ids[first_rows])
    counted = np.zeros(len(judged.voter_numbers), dtype=bool)
    counted[first_rows[is_new]] = True
    rest = np.flatnonzero(~counted)
    if not len(rest):
        return counted, []
    winners = dict(zip(voters[is_new].tolist(), judged.ballot_ids[first_rows[is_new]], strict=True))
    counted_ids = {voter: ballot_id.tobytes() for voter, ballot_id in winners.items()}
    counted_ids.update(_counted_before(connection, election_number, voters[~is_new]))
    others = []
    for row in rest.tolist():
        same = counted_ids[int(judged.voter_numbers[row])] == judged.ballot_ids[row].tobytes()
        reason = Reason.DUPLICATE_DELIVERY if same else Reason.SECOND_BALLOT
        others.append(Uncounted(int(judged.offsets[row]), int(judged.append_times_ms[row]), reason))
    return counted, others


def _insert(
    connection: psycopg.Connection,
    election_number: int,
    partition: int,
    voters: np.ndarray,
    ballot_ids: np.ndarray,
) -> np.ndarray:
    """Insert sorted voters and their ballots; return which of them were new."""
    if not len(voters):
        return np.zeros(0, dtype=bool)
    rows = _binary_rows(election_number, voters, ballot_ids)
    if (election_number, partition) not in _collided:
        try:
            with connection.transaction():
                _copy(connection, "ledger.participation", rows)
            return np.ones(len(voters), dtype=bool)
        except psycopg.errors.UniqueViolation:
            _collided.add((election_number, partition))
    connection.execute(
        "create temporary table if not exists incoming"
        " (election_number integer, voter_number integer, ballot_id uuid) on commit delete rows"
    )
    _copy(connection, "incoming", rows)
    inserted = connection.execute(
        "insert into ledger.participation select * from incoming on conflict do nothing returning voter_number"
    ).fetchall()
    is_new = np.isin(voters, [voter for (voter,) in inserted])
    if is_new.all():
        _collided.discard((election_number, partition))
    return is_new


def _binary_rows(election_number: int, voters: np.ndarray, ballot_ids: np.ndarray) -> bytes:
    """Spell rows in the binary format of COPY: far cheaper than text, and made in one go."""
    rows = np.empty(len(voters), dtype=_ROW)
    rows["fields"] = 3
    rows["election_size"] = rows["voter_size"] = 4
    rows["ballot_size"] = 16
    rows["election_number"] = election_number
    rows["voter_number"] = voters
    rows["ballot_id"] = ballot_ids
    return rows.tobytes()


def _copy(connection: psycopg.Connection, table: str, rows: bytes) -> None:
    with connection.cursor().copy(
        f"copy {table} (election_number, voter_number, ballot_id) from stdin (format binary)"
    ) as copy:
        copy.write(_HEADER + rows + _TRAILER)


def _counted_before(connection: psycopg.Connection, election_number: int, voters: np.ndarray) -> dict[int, bytes]:
    if not len(voters):
        return {}
    rows: list[tuple[int, uuid.UUID]] = connection.execute(
        "select voter_number, ballot_id from ledger.participation"
        " where election_number = %s and voter_number = any(%s)",
        (election_number, voters.tolist()),
    ).fetchall()
    return {voter: ballot_id.bytes for voter, ballot_id in rows}
