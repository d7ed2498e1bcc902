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

# Partitions whose last batch held a voter who had voted before: it is cheaper to ask who has voted at once there.
_collided: set[tuple[int, int]] = set()


def settle(
    connection: psycopg.Connection, election_number: int, partition: int, judged: Judged
) -> tuple[np.ndarray, list[Uncounted]]:
    """Put each voter's first ballot into `participation`; return which ballots those are, and the others' fate.

    The partition's position must be locked: nobody else then puts voters of this partition there.
    """
    voters, first_rows = np.unique(judged.voter_numbers, return_index=True)
    ballot_ids = judged.ballot_ids[first_rows]
    before = _insert(connection, election_number, partition, voters, ballot_ids)
    is_new = _are_new(voters, before)
    counted = np.zeros(len(judged.voter_numbers), dtype=bool)
    counted[first_rows[is_new]] = True
    rest = np.flatnonzero(~counted)
    if not len(rest):
        return counted, []
    others = []
    places = np.searchsorted(voters, judged.voter_numbers[rest])
    for row, place in zip(rest.tolist(), places.tolist(), strict=True):
        counted_id = ballot_ids[place].tobytes() if is_new[place] else before[int(voters[place])]
        same = counted_id == judged.ballot_ids[row].tobytes()
        reason = Reason.DUPLICATE_DELIVERY if same else Reason.SECOND_BALLOT
        others.append(Uncounted(int(judged.offsets[row]), int(judged.append_times_ms[row]), reason))
    return counted, others


def _insert(
    connection: psycopg.Connection,
    election_number: int,
    partition: int,
    voters: np.ndarray,
    ballot_ids: np.ndarray,
) -> dict[int, bytes]:
    """Insert sorted voters who have no ballot counted yet, with theirs; return the others and which of theirs is."""
    if (election_number, partition) not in _collided:
        try:
            with connection.transaction():
                _copy(connection, _binary_rows(election_number, voters, ballot_ids))
            return {}
        except psycopg.errors.UniqueViolation:
            _collided.add((election_number, partition))
    before = _counted_before(connection, election_number, voters)
    is_new = _are_new(voters, before)
    _copy(connection, _binary_rows(election_number, voters[is_new], ballot_ids[is_new]))
    if not before:
        _collided.discard((election_number, partition))
    return before


def _are_new(voters: np.ndarray, before: dict[int, bytes]) -> np.ndarray:
    return ~np.isin(voters, np.fromiter(before, dtype=np.int64, count=len(before)))


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


def _copy(connection: psycopg.Connection, rows: bytes) -> None:
    with connection.cursor().copy(
        "copy ledger.participation (election_number, voter_number, ballot_id) from stdin (format binary)"
    ) as copy:
        copy.write(_HEADER + rows + _TRAILER)


def _counted_before(connection: psycopg.Connection, election_number: int, voters: np.ndarray) -> dict[int, bytes]:
    rows: list[tuple[int, uuid.UUID]] = connection.execute(
        "select voter_number, ballot_id from ledger.participation"
        " where election_number = %s and voter_number = any(%s)",
        (election_number, voters.tolist()),
    ).fetchall()
    return {voter: ballot_id.bytes for voter, ballot_id in rows}
