"""Reconciliation: every figure that a source published, beside what the marts say."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from election_assets.errors import PermanentError
from election_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Cell:
    """A published cell beside ours. `replayed` is what a contradiction of the source makes of it, if anything."""

    cell: str
    precinct_id: str
    contest_id: str | None
    candidate_id: str | None
    method: str | None
    official: int
    ours: int | None
    replayed: int | None

    @property
    def differs(self) -> bool:
        """Return whether our figure is not the published one."""
        return self.ours != self.official

    @property
    def is_explained(self) -> bool:
        """Return whether our figure is the published one, or exactly what the contradiction makes of it."""
        return self.ours == (self.official if self.replayed is None else self.replayed)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All published cells of an election. It holds where each differing cell is derived from a contradiction."""

    election_id: str
    cells: list[Cell]

    @property
    def differing(self) -> list[Cell]:
        """Return the cells where our figure is not the published one."""
        return [cell for cell in self.cells if cell.differs]

    @property
    def unexplained(self) -> list[Cell]:
        """Return the cells that differ otherwise than contradictions.csv says, or do not though it says so."""
        return [cell for cell in self.cells if not cell.is_explained]

    @property
    def holds(self) -> bool:
        """Return whether every official figure is reproduced or its difference derived."""
        return bool(self.cells) and not self.unexplained

    def sentence(self) -> str:
        """Return the one line that sums it up."""
        same = len(self.cells) - len(self.differing)
        text = f"{same:,} of {len(self.cells):,} official cells reproduced"
        if not self.differing:
            return f"{text}."
        parts = []
        for name, label in (
            ("ballots_cast", "Ballots Cast"),
            ("ballots_cast_blank", "blank ballots"),
            ("registered_voters", "Registered Voters"),
            ("votes", "votes"),
        ):
            found = [cell for cell in self.differing if cell.cell == name]
            if found:
                parts.append(f"{len(found)} {label}")
        explained = len(self.differing) - len([cell for cell in self.differing if not cell.is_explained])
        why = (
            "all derived from contradictions in the source"
            if not self.unexplained
            else f"only {explained} of them derived from contradictions in the source"
        )
        return f"{text}; {', '.join(parts)} cells differ, {why}."


_CELLS = """
with cells as (
    select 'votes' as cell, o.precinct_id, o.contest_id, o.candidate_id, o.method, o.vote_count::bigint as official,
        (select sum(r.vote_count)::bigint from marts_results r
         where (r.contest_id, r.candidate_id, r.precinct_id) = (o.contest_id, o.candidate_id, o.precinct_id)
         and (r.method = o.method or o.method = 'total')) as ours
    from registry.official_results o where o.election_id = %(id)s
    union all
    select 'ballots_cast', o.precinct_id, null, null, o.method, o.ballot_count,
        (select sum(b.ballot_count)::bigint from marts_ballots b
         where b.precinct_id = o.precinct_id and (b.method = o.method or o.method = 'total'))
    from registry.official_ballots o where o.election_id = %(id)s and o.ballot_count is not null
    union all
    select 'ballots_cast_blank', o.precinct_id, null, null, o.method, o.blank_count,
        (select sum(b.blank_count)::bigint from marts_ballots b
         where b.precinct_id = o.precinct_id and (b.method = o.method or o.method = 'total'))
    from registry.official_ballots o where o.election_id = %(id)s and o.blank_count is not null
    union all
    select 'registered_voters', u.reporting_unit_id, null, null, null, u.registered_voter_count,
        (select g.registered_voter_count from marts.fct_registration g
         where g.election_id = u.election_id and g.precinct_id = u.reporting_unit_id)
    from registry.reporting_units u
    where u.election_id = %(id)s and u.registered_voter_count is not null
)

select cells.*, c.replayed_count::bigint as replayed
from cells
left join registry.contradictions c
    on c.election_id = %(id)s and c.replayed_count is not null and c.cell = cells.cell
    and c.precinct_id = cells.precinct_id
    and c.contest_id is not distinct from cells.contest_id
    and c.candidate_id is not distinct from cells.candidate_id
    and c.method is not distinct from cells.method
"""


def reconcile(settings: Settings, election_id: str) -> Reconciliation:
    """Compare every official figure with the marts; raise PermanentError where the source published none."""
    with psycopg.connect(settings.conninfo("builder")) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # Indexed copies: a view is computed again for each of thousands of cells.
        for name, columns, view in (
            (
                "marts_results",
                "contest_id, candidate_id, precinct_id, method, vote_count",
                "fct_candidate_results",
            ),
            ("marts_ballots", "precinct_id, method, ballot_count, blank_count", "fct_ballots"),
        ):
            connection.execute(
                f"create temporary table {name} on commit drop as select {columns} from marts.{view}"  # noqa: S608
                " where election_id = %s",
                (election_id,),
            )
        connection.execute("create index on marts_results (contest_id, candidate_id, precinct_id)")
        with connection.cursor(row_factory=class_row(Cell)) as cursor:
            cells = cursor.execute(_CELLS, {"id": election_id}).fetchall()
    if not cells:
        raise PermanentError(
            f"Election {election_id!r} has no official figures in the registry: only a past or generated election "
            "can be reconciled."
        )
    return Reconciliation(election_id, cells)
