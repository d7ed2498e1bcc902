"""The sums that must hold in a ledger at each moment: one query each, which counts the rows that break it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

from election_assets.errors import PermanentError
from spark.registry import election_number


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the ledger: the table it is about, and a query of how many rows break it in one election."""

    name: str
    table: str
    description: str
    query: str


@dataclass(frozen=True, slots=True)
class Kept:
    """How a rule is kept: by all rows, or broken by some."""

    rule: Rule
    broken_rows: int


RULES = (
    Rule(
        "every_offset_has_one_verdict",
        "positions",
        "Every offset is counted, rejected, quarantined or a known hole, and each uncounted message is listed.",
        """
        select count(*) from ledger.positions p
        left join (
            select election_number, partition, count(*) filter (where verdict = 'rejected') as rejected,
                count(*) filter (where verdict = 'quarantined') as quarantined
            from ledger.uncounted group by 1, 2
        ) u using (election_number, partition)
        where election_number = %(election)s and (
            p.counted + p.rejected + p.quarantined + p.holes <> p.next_offset
            or (p.rejected, p.quarantined) <> (coalesce(u.rejected, 0), coalesce(u.quarantined, 0))
        )
        """,
    ),
    Rule(
        "participation_is_the_ballots_counted",
        "participation",
        "Participation, ballots, voter groups and arrivals each add up to the ballots counted.",
        """
        select count(distinct ballots) - 1 from (
            select coalesce(sum(counted), 0) from ledger.positions where election_number = %(election)s
            union all select count(*) from ledger.participation where election_number = %(election)s
            union all select coalesce(sum(ballot_count), 0) from ledger.ballot_counts
                where election_number = %(election)s
            union all select coalesce(sum(ballot_count), 0) from ledger.voter_group_counts
                where election_number = %(election)s
            union all select coalesce(sum(ballot_count), 0) from ledger.arrivals where election_number = %(election)s
        ) sums (ballots)
        """,
    ),
    Rule(
        "ballots_are_in_each_of_their_contests",
        "contest_ballots",
        "Every ballot of a style is a ballot in each contest of that style.",
        """
        with expected as (
            select n.contest_number, b.precinct_number, b.method_number, b.partition, sum(b.ballot_count) as ballots
            from ledger.ballot_counts b
            join registry.elections e using (election_number)
            join registry.ballot_styles s using (election_id, ballot_style_number)
            join registry.ballot_style_contests c using (election_id, ballot_style_id)
            join registry.contests n using (election_id, contest_id)
            where b.election_number = %(election)s group by 1, 2, 3, 4
        ), found as (
            select contest_number, precinct_number, method_number, partition, ballot_count as ballots
            from ledger.contest_ballots where election_number = %(election)s
        )
        select count(*)
        from (table expected except table found union all (table found except table expected)) differing
        """,
    ),
    Rule(
        "ballots_are_votes_undervotes_and_overvotes",
        "tallies",
        "In every contest, precinct and method: ballots × votes_allowed = votes + undervotes + overvotes.",
        """
        select count(*) from ledger.contest_ballots b
        join registry.elections e using (election_number)
        join registry.contests c using (election_id, contest_number)
        full join (
            select election_number, contest_number, precinct_number, method_number, partition,
                sum(vote_count) as vote_count
            from ledger.tallies where election_number = %(election)s group by 1, 2, 3, 4, 5
        ) t using (election_number, contest_number, precinct_number, method_number, partition)
        where election_number = %(election)s and b.ballot_count * c.votes_allowed is distinct from
            coalesce(t.vote_count, 0) + coalesce(b.undervote_count, 0) + coalesce(b.overvote_count, 0)
        """,
    ),
)


def kept_rules(conninfo: str, election_id: str) -> Iterator[Kept]:
    """Ask every rule of an election's ledger in one snapshot; `conninfo` is the counter's or an auditor's."""
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        number = election_number(connection, election_id)
        for rule in RULES:
            row = connection.execute(rule.query.encode(), {"election": number}).fetchone()
            yield Kept(rule, row[0] if row else 0)


def refuse_broken(kept: Iterable[Kept], election_id: str) -> None:
    """Raise PermanentError where a rule is broken: counting on would hide why."""
    if broken := [one.rule.name for one in kept if one.broken_rows]:
        raise PermanentError(
            f"The ledger of {election_id} is broken ({', '.join(broken)}): look for what else writes to it; "
            f"`election reset {election_id}` empties it, and the whole log is judged again."
        )
