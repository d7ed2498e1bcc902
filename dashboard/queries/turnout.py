"""What the turnout page asks: ballots and voters by method, unit and group, and ballots over time."""

import psycopg

from dashboard.contents import Arrivals, GroupTurnout, Turnout, UnitTurnout
from dashboard.queries.rows import Asked, all_of

_BALLOTS = """
select method, sum(ballot_count)::bigint as ballot_count
from marts.fct_ballots
where election_id = %(election_id)s
group by method
"""

_UNITS = """
select
    units.reporting_unit_id, units.reporting_unit_name, units.reporting_unit_type,
    parents.reporting_unit_name as parent_name, units.is_precinct,
    turnout.registered_voter_count, turnout.ballot_count,
    turnout.turnout_share::double precision as turnout_share
from marts.fct_turnout as turnout
join marts.dim_reporting_units as units using (election_id, reporting_unit_id)
left join marts.dim_reporting_units as parents
    on parents.election_id = units.election_id and parents.reporting_unit_id = units.parent_id
where units.election_id = %(election_id)s
order by units.is_precinct, parents.reporting_unit_name, units.reporting_unit_name
"""

_GROUPS = """
select
    units.reporting_unit_name, age_group, gender, is_suppressed, groups.registered_voter_count, ballot_count,
    turnout_share::double precision as turnout_share
from marts.fct_turnout_by_group as groups
join marts.dim_reporting_units as units using (election_id, reporting_unit_id)
where election_id = %(election_id)s
order by units.reporting_unit_name, age_group, gender
"""

# A night of many hours is drawn in steps of several minutes.
_ARRIVALS = """
with

arrivals as (

    select appended_minute, method, ballot_count
    from marts.fct_ballots_over_time
    where election_id = %(election_id)s

),

steps as (

    select
        min(appended_minute) as begins_at,
        (1 + extract(epoch from max(appended_minute) - min(appended_minute)) / 60 / 240)::integer as minutes
    from arrivals

)

select
    date_bin(make_interval(mins => steps.minutes), appended_minute, steps.begins_at) as appended_minute,
    steps.minutes, method, sum(ballot_count)::bigint as ballot_count
from arrivals
cross join steps
group by 1, 2, 3
order by 1, 3
"""


def load(connection: psycopg.Connection, asked: Asked) -> Turnout:
    """Read what the turnout page shows."""
    return Turnout(
        ballots_by_method=dict(connection.execute(_BALLOTS, {"election_id": asked.election_id}).fetchall()),
        units=all_of(connection, UnitTurnout, _UNITS, asked),
        groups=all_of(connection, GroupTurnout, _GROUPS, asked),
        arrivals=all_of(connection, Arrivals, _ARRIVALS, asked),
    )
