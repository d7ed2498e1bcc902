"""The ledger read as data to compare, and the sums that must hold in it."""

from collections import Counter
from typing import Any

import psycopg
from psycopg import sql

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

# Each query counts rows that break a rule.
_RULES = {
    "ballots × votes_allowed = votes + undervotes + overvotes, per contest, precinct, method and partition": """
        select count(*) from ledger.contest_ballots b
        join registry.elections e using (election_number)
        join registry.contests c using (election_id, contest_number)
        left join (
            select election_number, contest_number, precinct_number, method_number, partition, sum(vote_count) as votes
            from ledger.tallies group by 1, 2, 3, 4, 5
        ) t using (election_number, contest_number, precinct_number, method_number, partition)
        where e.election_id = %s
        and b.ballot_count * c.votes_allowed <> coalesce(t.votes, 0) + b.undervote_count + b.overvote_count
    """,
    "every ballot of a style is in each of its contests": """
        with expected as (
            select n.contest_number, b.precinct_number, b.method_number, b.partition, sum(b.ballot_count) as ballots
            from ledger.ballot_counts b
            join registry.elections e using (election_number)
            join registry.ballot_styles s using (election_id, ballot_style_number)
            join registry.ballot_style_contests c using (election_id, ballot_style_id)
            join registry.contests n using (election_id, contest_id)
            where e.election_id = %s group by 1, 2, 3, 4
        ), found as (
            select b.contest_number, b.precinct_number, b.method_number, b.partition, b.ballot_count as ballots
            from ledger.contest_ballots b join registry.elections e using (election_number) where e.election_id = %s
        )
        select count(*) from (table expected except table found union all (table found except table expected)) different
    """,
    "participation, ballots, groups and arrivals are the counted ballots of the positions": """
        select count(distinct ballots) - 1 from (
            select sum(p.counted) from ledger.positions p join registry.elections e using (election_number)
            where e.election_id = %s
            union all select count(*) from ledger.participation p join registry.elections e using (election_number)
            where e.election_id = %s
            union all select coalesce(sum(b.ballot_count), 0) from ledger.ballot_counts b
            join registry.elections e using (election_number) where e.election_id = %s
            union all select coalesce(sum(g.ballot_count), 0) from ledger.voter_group_counts g
            join registry.elections e using (election_number) where e.election_id = %s
            union all select coalesce(sum(a.ballot_count), 0) from ledger.arrivals a
            join registry.elections e using (election_number) where e.election_id = %s
        ) sums (ballots)
    """,
    "the uncounted listed are the rejected and the quarantined of each position": """
        select count(*) from ledger.positions p join registry.elections e using (election_number)
        left join (
            select election_number, partition, count(*) filter (where verdict = 'rejected') as rejected,
            count(*) filter (where verdict = 'quarantined') as quarantined
            from ledger.uncounted group by 1, 2
        ) u using (election_number, partition)
        where e.election_id = %s
        and (p.rejected, p.quarantined) <> (coalesce(u.rejected, 0), coalesce(u.quarantined, 0))
    """,
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
    """Return the sums that do not hold, in words."""
    with owner(settings) as connection:
        return [
            rule
            for rule, query in _RULES.items()
            if connection.execute(query.encode(), [election_id] * query.count("%s")).fetchone() != (0,)
        ]
