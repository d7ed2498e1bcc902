"""The ledger read as data to compare, and the sums that must hold in it."""

from collections import Counter
from typing import Any

import psycopg
from psycopg import sql

from election_assets.ledger_rules import kept_rules
from election_assets.settings import Settings
from tests.support.mixture import Figures

Rows = list[tuple[Any, ...]]

# All but who wrote it when, and the figures of batches: how a log is cut into batches is not part of the result.
_ROWS = {
    "positions": "partition, next_offset, counted, rejected, quarantined, holes, last_offset, last_appended_at",
    "participation": "voter_number, ballot_id",
    "ballot_counts": "*",
    "voter_group_counts": "*",
    "arrivals": "*",
    "contest_ballots": "*",
    "tallies": "*",
    "uncounted": "*",
}


def owner(settings: Settings) -> psycopg.Connection:
    """Connect as the owner, who sees everything."""
    return psycopg.connect(settings.conninfo("owner"), autocommit=True)


def ledger_of(settings: Settings, election_id: str) -> dict[str, Rows]:
    """Return the ledger of an election row for row, in order."""
    with owner(settings) as connection:
        return {
            table: connection.execute(
                sql.SQL(
                    "select {} from ledger.{} as ledger_row where election_number ="
                    " (select election_number from registry.elections where election_id = %s) order by ledger_row"
                ).format(sql.SQL(columns), sql.Identifier(table)),
                (election_id,),
            ).fetchall()
            for table, columns in _ROWS.items()
        }


def uncounted_of(settings: Settings, election_id: str) -> dict[tuple[int, int], str]:
    """Return partition and offset → reason of every uncounted message."""
    return {(row[1], row[2]): row[4] for row in ledger_of(settings, election_id)["uncounted"]}


def positions_of(settings: Settings, election_id: str) -> Counter[str]:
    """Return the sums of the positions: next_offset, counted, rejected, quarantined, holes."""
    names = ("next_offset", "counted", "rejected", "quarantined", "holes")
    rows = ledger_of(settings, election_id)["positions"]
    return Counter({name: sum(row[place] for row in rows) for place, name in enumerate(names, 1)})


def figures_of(settings: Settings, election_id: str) -> Figures:
    """Return what the ledger's views say, by names."""
    with owner(settings) as connection:

        def rows(columns: str, view: str) -> Rows:
            query = f"select {columns} from ledger.{view} where election_id = %s"
            return connection.execute(query.encode(), (election_id,)).fetchall()

        ballots = rows("precinct_id, ballot_style_id, method, ballot_count", "ballot_counts_added_up")
        contests = rows(
            "contest_id, precinct_id, method, ballot_count, undervote_count, overvote_count", "contest_ballots_added_up"
        )
        votes = rows("contest_id, candidate_id, precinct_id, method, vote_count", "tallies_added_up")
    return Figures(
        Counter({row[:3]: row[3] for row in ballots}),
        {row[:3]: row[3:] for row in contests},
        Counter({row[:4]: row[4] for row in votes}),
    )


def broken_rules(settings: Settings, election_id: str) -> list[str]:
    """Return the product's rules that do not hold, by name."""
    return [one.rule.name for one in kept_rules(settings.conninfo("auditor"), election_id) if one.broken_rows]
