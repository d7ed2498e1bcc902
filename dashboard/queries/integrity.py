"""What the page of integrity asks: messages not counted, what agrees, what the source contradicts, corrections."""

import psycopg

from dashboard.contents import Agreement, Contradiction, Correction, Integrity, UncountedMessages
from dashboard.queries.rows import Asked, all_of, first_of

_UNCOUNTED = """
select verdict, reason, reason_description, sum(message_count)::bigint as message_count
from marts.fct_uncounted_ballots
where election_id = %(election_id)s
group by verdict, reason, reason_description
order by message_count desc, reason
"""

_AGREEMENT = """
select
    count(*) as cell_count,
    count(*) filter (where is_balanced) as balanced_count,
    count(official_vote_count) as official_count,
    count(*) filter (where is_reproduced) as reproduced_count
from marts.fct_reconciliation
where election_id = %(election_id)s
having count(*) > 0
"""

_CONTRADICTIONS = """
select kind, precinct_id, contest_id, candidate_id, method, found, expected, action
from marts.fct_data_quality
where election_id = %(election_id)s
order by contradiction_number
"""

_CORRECTIONS = """
select
    adjusted_at, adjustment_id, contest_id, candidate_id, precinct_id, method, vote_change, reason, adjusted_by
from marts.fct_adjustments
where election_id = %(election_id)s
order by adjusted_at desc, adjustment_id
"""


def load(connection: psycopg.Connection, asked: Asked) -> Integrity:
    """Read what the page of integrity shows beside the count's health."""
    return Integrity(
        agreement=first_of(connection, Agreement, _AGREEMENT, asked),
        uncounted=all_of(connection, UncountedMessages, _UNCOUNTED, asked),
        contradictions=all_of(connection, Contradiction, _CONTRADICTIONS, asked),
        corrections=all_of(connection, Correction, _CORRECTIONS, asked),
    )
