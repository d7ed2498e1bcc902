"""The questions the pages ask: SQL over the marts, every value bound; all of one refresh in one snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import psycopg

from dashboard.connection import reading
from dashboard.queries import areas, compare, integrity, results, turnout
from dashboard.queries.rows import Asked, all_of, first_of
from dashboard.snapshot import Contest, Election, Health, Snapshot, chosen_contest, chosen_election

_ELECTIONS = """
select
    election_id, election_name, election_date, election_type, status, is_test, closes_at, publish,
    registered_voter_count, precinct_count, contest_count,
    position, counted_count, rejected_count, quarantined_count, hole_count, counted_at, baseline_election_id
from marts.dim_elections
order by election_date desc, election_id
"""

_HEALTH = """
select
    is_running, ended_at, ended_why, position, log_end, log_end_at, lag_count, batch_p50_ms, batch_p95_ms,
    messages_per_second::double precision as messages_per_second, newest_ballot_at,
    verified_at, verified_position, is_verified
from marts.fct_count_health
where election_id = %(election_id)s
"""

_CONTESTS = """
select
    contest_id, contests.contest_name, contests.votes_allowed,
    totals.ballot_count, totals.vote_count, totals.undervote_count, totals.overvote_count
from marts.dim_contests as contests
left join marts.fct_contest_totals as totals using (election_id, contest_id)
where election_id = %(election_id)s
order by contests.contest_number
"""

_CONTENTS: Mapping[str, Callable[[psycopg.Connection, Asked], object]] = {
    "results": results.load,
    "turnout": turnout.load,
    "areas": areas.load,
    "integrity": integrity.load,
    "compare": compare.load,
}
PAGES = tuple(_CONTENTS)


def load(
    page: str,
    election_id: str | None = None,
    contest_id: str | None = None,
    level: str | None = None,
    unit_id: str | None = None,
) -> Snapshot:
    """Read what a page shows of an election in one snapshot of the database; None means what is shown by itself.

    That is the election counted last, its first contest, and the first level of units that has several. Raises
    ResultsUnavailableError with a sentence for the viewer.
    """
    with reading() as connection:
        read_at = connection.execute("select now()").fetchone()[0]  # type: ignore[index]
        elections = all_of(connection, Election, _ELECTIONS, None)
        election = chosen_election(elections, election_id)
        if election is None:
            return Snapshot(read_at, elections)
        asked = Asked(election.election_id, contest_id, level, unit_id, election.baseline_election_id)
        contests = all_of(connection, Contest, _CONTESTS, asked)
        contest = chosen_contest(contests, contest_id)
        if contest:
            asked = replace(asked, contest_id=contest.contest_id)
            contest = replace(contest, candidates=results.candidates_of(connection, asked))
        return Snapshot(
            read_at=read_at,
            elections=elections,
            election=election,
            health=first_of(connection, Health, _HEALTH, asked),
            contests=contests,
            contest=contest,
            content=_CONTENTS[page](connection, asked),
        )
