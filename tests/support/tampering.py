"""Tampering: rows of the ledger and bytes of the log's files changed at random, and put back."""

import random
import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from crc32c import crc32c
from psycopg import sql
from psycopg.types.json import Jsonb

from election_assets.domain.frozen import AGE_GROUPS, GENDERS
from election_assets.domain.verdict import Reason

Row = dict[str, Any]

# All that the log decides, by table: not who wrote a row and when.
LEDGER_COLUMNS = {
    "positions": ("next_offset", "counted", "rejected", "quarantined", "holes", "last_offset", "last_appended_at"),
    "participation": ("voter_number", "ballot_id"),
    "uncounted": ("partition", "offset", "verdict", "reason", "appended_at"),
    "ballot_counts": (
        "precinct_number", "ballot_style_number", "method_number", "partition", "ballot_count", "blank_count"
    ),
    "contest_ballots": (
        "contest_number", "precinct_number", "method_number", "partition", "ballot_count", "undervote_count",
        "overvote_count",
    ),
    "tallies": ("contest_number", "candidate_number", "precinct_number", "method_number", "partition", "vote_count"),
    "voter_group_counts": ("parent_number", "age_group", "gender", "partition", "ballot_count"),
    "arrivals": ("arrival_minute", "method_number", "partition", "ballot_count"),
}  # fmt: skip

_WORDS = {
    "verdict": ("rejected", "quarantined"),
    "reason": tuple(Reason),
    "age_group": AGE_GROUPS,
    "gender": GENDERS,
}
_BATCH_CRC_AT, _BATCH_CRC_FROM = 17, 21


@dataclass(frozen=True, slots=True)
class LedgerEdit:
    """What was done to which row of which table; `after` is what was put in its place or added, if anything."""

    table: str
    done: str
    before: Row
    after: Row | None


@contextmanager
def edited_ledger(
    connection: psycopg.Connection, election_number: int, randomly: random.Random
) -> Iterator[LedgerEdit]:
    """Change a row of an election's ledger for the body; `connection` is the owner's, with autocommit."""
    table = randomly.choice(list(LEDGER_COLUMNS))
    name, number = sql.Identifier("ledger", table), (election_number,)
    connection.execute(
        sql.SQL("create temporary table kept as select * from {} where election_number = %s").format(name), number
    )
    try:
        yield _edit(connection, table, randomly)
    finally:
        with connection.transaction():
            connection.execute(sql.SQL("delete from {} where election_number = %s").format(name), number)
            connection.execute(sql.SQL("insert into {} select * from kept").format(name))
            connection.execute("drop table kept")


def _edit(connection: psycopg.Connection, table: str, randomly: random.Random) -> LedgerEdit:
    """Draw edits until the database takes one: its constraints refuse some."""
    name = sql.Identifier("ledger", table)
    rows: list[Row] = [row for (row,) in connection.execute("select to_jsonb(kept) from kept").fetchall()]
    while True:
        before = randomly.choice(rows)
        done = randomly.choice(("deleted", "added", "changed", "changed"))
        after = None if done == "deleted" else _other(before, table, randomly)
        if table == "positions" and after and _is_a_moment_before(before, after):
            continue
        try:
            with connection.transaction():
                if done != "added":
                    connection.execute(
                        sql.SQL("delete from {} t where to_jsonb(t) = %s").format(name), (Jsonb(before),)
                    )
                if after:
                    statement = sql.SQL("insert into {0} select * from jsonb_populate_record(null::{0}, %s)").format(
                        name
                    )
                    connection.execute(statement, (Jsonb(after),))
        except (psycopg.errors.IntegrityError, psycopg.errors.NumericValueOutOfRange):
            continue
        return LedgerEdit(table, done, before, after)


def _is_a_moment_before(before: Row, after: Row) -> bool:
    """Whether only holes after the last message are not judged yet: so the ledger stood once, and nothing is wrong."""
    at = {**before, "next_offset": after["next_offset"], "holes": after["holes"]}
    return after == at and before["next_offset"] > after["next_offset"] > before["last_offset"]


def _other(row: Row, table: str, randomly: random.Random) -> Row:
    """Return a row with one column changed; of a position with another one, so that its sum still holds."""
    column = randomly.choice(LEDGER_COLUMNS[table])
    changed = {**row, column: _other_value(column, row[column], randomly)}
    if table == "positions" and not column.startswith("last"):
        balance = randomly.choice([one for one in LEDGER_COLUMNS[table][:5] if one != column])
        by = changed[column] - row[column]
        both_of_the_sum = "next_offset" not in (column, balance)
        changed[balance] = row[balance] + (-by if both_of_the_sum else by)
    return changed


def _other_value(column: str, value: Any, randomly: random.Random) -> Any:
    if column in _WORDS:
        return randomly.choice([str(word) for word in _WORDS[column] if word != value])
    if column == "ballot_id":
        return str(uuid.UUID(int=randomly.getrandbits(128)))
    if column.endswith(("_at", "_minute")):
        moved = timedelta(milliseconds=randomly.choice((-1, 1, 60_000, -86_400_000)))
        return (datetime.fromisoformat(value) + moved).isoformat()
    return value + randomly.choice((-3, -1, 1, 2, 100))


@contextmanager
def edited_log(segment: Path, old: bytes, new: bytes, *, mended: bool = True) -> Iterator[int]:
    """Put other bytes of the same length into the first batch of a log's file that has `old`; yield its first offset.

    The batch's checksum is mended, as somebody who knows Kafka would, or left as it was.
    """
    assert len(old) == len(new)
    content = segment.read_bytes()
    found = content.index(old)
    start, first_offset, end = _batch_at(content, found)
    changed = bytearray(content[start:end])
    changed[found - start : found - start + len(new)] = new
    if mended:
        struct.pack_into(">I", changed, _BATCH_CRC_AT, crc32c(bytes(changed[_BATCH_CRC_FROM:])))
    _overwrite(segment, start, bytes(changed))
    try:
        yield first_offset
    finally:
        _overwrite(segment, start, content[start:end])


def _batch_at(content: bytes, place: int) -> tuple[int, int, int]:
    """Return where the batch around a place begins, its first offset, and where it ends."""
    start = 0
    while True:
        first_offset, length = struct.unpack_from(">qi", content, start)
        end = start + 12 + length
        if place < end:
            return start, first_offset, end
        start = end


def _overwrite(file: Path, place: int, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(content)
