"""The keys' cost: the ledger's largest table and its busiest, with integer keys and with the ids themselves.

`python -m benchmarks.keys` prints seconds and MiB for a million voters. The choice made from
it is in docs/design.md.
"""

import time
import uuid
from collections.abc import Iterator

import psycopg

from benchmarks.stage import engines
from engines import stack

VOTERS = 1_000_000
_PARTICIPATION = {
    "integers and uuid": "election_number integer, voter_number integer, ballot_id uuid",
    "text and uuid": "election_id text, voter_id text, ballot_id uuid",
    "text": "election_id text, voter_id text, ballot_id text",
}
_TALLIES = {
    "integers": "election integer, contest smallint, candidate smallint, precinct integer, method smallint,"
    " part smallint",
    "text": "election text, contest text, candidate text, precinct text, method text, part smallint",
}
_NAMES = ("bench-2026", "us-house-", "candidate-name-", "precinct-number-", "election_day")


def main() -> None:
    """Measure and print."""
    with (
        engines(stack.Size.LAPTOP) as settings,
        psycopg.connect(settings.conninfo("owner"), autocommit=True) as connection,
    ):
        connection.execute("create schema keys")
        for name, columns in _PARTICIPATION.items():
            seconds, mib = _participation(connection, columns, is_text=name.startswith("text"))
            print(f"participation, {name:20} {seconds:6.2f} s {mib:8.1f} MiB")
        for name, columns in _TALLIES.items():
            seconds, mib = _tallies(connection, columns, is_text=name == "text")
            print(f"tallies, {name:26} {seconds:6.2f} s {mib:8.1f} MiB for 20 upserts of 6,000 rows")


def _participation(connection: psycopg.Connection, columns: str, is_text: bool) -> tuple[float, float]:
    keys = ", ".join(column.split()[0] for column in columns.split(", ")[:2])
    connection.execute(f"create table keys.t ({columns}, primary key ({keys}))")
    started = time.monotonic()
    for first in range(0, VOTERS, 50_000):
        with connection.cursor().copy("copy keys.t from stdin") as copy:
            copy.write("".join(_voter(number, is_text) for number in range(first, first + 50_000)))
    return time.monotonic() - started, _size(connection)


def _voter(number: int, is_text: bool) -> str:
    voter = f"bench-2026\tv{number:09d}" if is_text else f"1\t{number}"
    return f"{voter}\t{uuid.UUID(int=number)}\n"


def _tallies(connection: psycopg.Connection, columns: str, is_text: bool) -> tuple[float, float]:
    names = [column.split() for column in columns.split(", ")]
    keys = ", ".join(name for name, _ in names)
    connection.execute(f"create table keys.t ({columns}, votes bigint, primary key ({keys})) with (fillfactor = 70)")
    rows = [list(column) for column in zip(*_tally_rows(is_text), strict=True)]
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in names)
    started = time.monotonic()
    for _ in range(20):
        connection.execute(
            f"insert into keys.t select *, 1 from unnest({arrays}) on conflict ({keys})"
            " do update set votes = t.votes + 1",
            rows,
        )
    return time.monotonic() - started, _size(connection)


def _tally_rows(is_text: bool) -> Iterator[tuple[object, ...]]:
    for precinct in range(500):
        for candidate in range(12):
            numbers = (1, candidate // 4, candidate, precinct, 1)
            texts = [
                name + (str(number) if name[-1] == "-" else "") for name, number in zip(_NAMES, numbers, strict=True)
            ]
            yield *(texts if is_text else numbers), 0


def _size(connection: psycopg.Connection) -> float:
    row = connection.execute("select pg_total_relation_size('keys.t') / 2.0 ^ 20").fetchone()
    connection.execute("drop table keys.t")
    return float(row[0]) if row else 0.0


if __name__ == "__main__":
    main()
