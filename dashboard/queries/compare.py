"""What the page of comparisons asks: ours beside the official figures, and this election beside its baseline."""

import psycopg

from dashboard.contents import Comparison, OfficialVotes, Swing
from dashboard.queries.rows import Asked, all_of

_OFFICIAL = """
select
    contests.contest_name,
    sum(cells.vote_count + cells.adjustment_count)::bigint as vote_count,
    sum(cells.official_vote_count)::bigint as official_vote_count,
    count(*) filter (where cells.difference_count <> 0) as differing_count
from marts.fct_reconciliation as cells
join marts.dim_contests as contests using (election_id, contest_id)
where election_id = %(election_id)s and cells.official_vote_count is not null
group by contests.contest_number, contests.contest_name
order by contests.contest_number
"""

_BASELINE_NAME = "select election_name from marts.dim_elections where election_id = %(baseline_election_id)s"

# The same contest is the one of the same id; a candidate without a party is compared by name.
_SWINGS = """
with

shares as (

    select
        results.election_id,
        coalesce(candidates.party, candidates.candidate_name) as party,
        sum(results.vote_share)::double precision as vote_share
    from marts.fct_contest_results as results
    join marts.dim_candidates as candidates using (election_id, contest_id, candidate_id)
    where
        results.election_id in (%(election_id)s, %(baseline_election_id)s)
        and results.contest_id = %(contest_id)s and not candidates.is_write_in
    group by 1, 2

)

select
    party,
    max(vote_share) filter (where election_id = %(election_id)s) as vote_share,
    max(vote_share) filter (where election_id = %(baseline_election_id)s) as baseline_share
from shares
group by party
order by 2 desc nulls last, party
"""


def load(connection: psycopg.Connection, asked: Asked) -> Comparison:
    """Read what the page of comparisons shows."""
    official = all_of(connection, OfficialVotes, _OFFICIAL, asked)
    baseline = {"baseline_election_id": asked.baseline_election_id}
    row = connection.execute(_BASELINE_NAME, baseline).fetchone() if asked.baseline_election_id else None
    if row is None:
        return Comparison(official)
    return Comparison(official, row[0], all_of(connection, Swing, _SWINGS, asked))
