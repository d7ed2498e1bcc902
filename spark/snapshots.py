"""Snapshots: the totals as they stood at a position, kept in the ledger for the history of a night."""

import time

import psycopg

MIN_SECONDS_BETWEEN = 10.0

# One statement, so that position and totals are of one moment; the turn is taken before it, so that it sees all that
# was made before. A writer that has been superseded, and a ledger that has not moved, leave nothing.
_TAKE = """
with

standing as (
    select
        election_number,
        clock_timestamp() as taken_at,
        max(recount) as recount,
        sum(next_offset)::bigint as position
    from ledger.positions
    where election_number = %(election)s
    group by election_number
    having max(epoch) = coalesce(%(epoch)s, max(epoch))
),

latest as (
    select recount, position from ledger.snapshots
    where election_number = %(election)s
    order by taken_at desc
    limit 1
),

taken as (
    insert into ledger.snapshots (election_number, taken_at, recount, position)
    select election_number, taken_at, recount, position from standing
    where not exists (
        select from latest where (latest.recount, latest.position) = (standing.recount, standing.position)
    )
    returning election_number, taken_at
)

insert into ledger.snapshot_tallies (election_number, taken_at, contest_number, candidate_number, vote_count)
select election_number, taken.taken_at, t.contest_number, t.candidate_number, sum(t.vote_count)
from taken
join ledger.tallies t using (election_number)
group by election_number, taken.taken_at, t.contest_number, t.candidate_number
"""


def take_snapshot(connection: psycopg.Connection, election_number: int, epoch: int | None = None) -> None:
    """Keep an election's totals as they stand, unless the ledger has not moved or has a writer of another epoch."""
    with connection.transaction():
        connection.execute("select registry.take_turn(%s)", (election_number,))
        connection.execute(_TAKE, {"election": election_number, "epoch": epoch})


class Snapshots:
    """Takes a run's snapshots, at most one every ten seconds, once it has gone beyond the `position` it began at."""

    def __init__(self, conninfo: str, election_number: int, epoch: int, position: int) -> None:
        self._conninfo = conninfo
        self._election_number = election_number
        self._epoch = epoch
        self._taken_at = 0.0
        self._position = position

    def take_if_due(self, position: int) -> None:
        """Take one, unless one of this position was taken, or any less than ten seconds ago."""
        if position != self._position and time.monotonic() - self._taken_at >= MIN_SECONDS_BETWEEN:
            self._position = position
            self.take()

    def take(self) -> None:
        """Take one now."""
        self._taken_at = time.monotonic()
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            take_snapshot(connection, self._election_number, self._epoch)
