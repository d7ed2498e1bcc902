"""What the page of areas asks: the chosen contest by unit of one level, and one precinct by method."""

from dataclasses import replace

import psycopg

from dashboard.contents import Areas, AreaVotes, CellVotes
from dashboard.queries.rows import Asked, all_of

_LEVELS = """
select reporting_unit_type
from marts.dim_reporting_units
where election_id = %(election_id)s
group by reporting_unit_type
order by count(*)
"""

_VOTES = """
with

votes as (

    select reporting_unit_id, candidate_id, adjusted_vote_count as vote_count
    from marts.fct_area_results
    where election_id = %(election_id)s and contest_id = %(contest_id)s

    union all

    select precinct_id as reporting_unit_id, candidate_id, sum(adjusted_vote_count)::bigint as vote_count
    from marts.fct_candidate_results
    where election_id = %(election_id)s and contest_id = %(contest_id)s
    group by precinct_id, candidate_id

)

select
    votes.reporting_unit_id, units.reporting_unit_name, candidate_id, votes.vote_count,
    progress.precinct_count, progress.all_count
from votes
join marts.dim_reporting_units as units
    on units.election_id = %(election_id)s and units.reporting_unit_id = votes.reporting_unit_id
join marts.fct_reporting_progress as progress
    on progress.election_id = %(election_id)s and progress.contest_id = %(contest_id)s
    and progress.reporting_unit_id = votes.reporting_unit_id
where units.reporting_unit_type = %(level)s
order by units.reporting_unit_name, candidate_id
"""

_CELLS = """
select candidate_id, method, adjusted_vote_count as vote_count
from marts.fct_candidate_results
where election_id = %(election_id)s and contest_id = %(contest_id)s and precinct_id = %(unit_id)s
order by candidate_id, method
"""


def load(connection: psycopg.Connection, asked: Asked) -> Areas:
    """Read the chosen contest by area; the smallest areas where no level is asked for."""
    levels = [level for (level,) in connection.execute(_LEVELS, {"election_id": asked.election_id})]
    if not levels:
        return Areas()
    level = asked.level if asked.level in levels else levels[-1]
    return Areas(
        levels=levels,
        level=level,
        votes=all_of(connection, AreaVotes, _VOTES, replace(asked, level=level)),
        unit_id=asked.unit_id,
        cells=all_of(connection, CellVotes, _CELLS, asked) if asked.unit_id else (),
    )
