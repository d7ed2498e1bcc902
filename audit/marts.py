"""The marts' totals, as their readers see them: what the log comes to must be what people are shown."""

from collections.abc import Iterable, Mapping

import psycopg

from audit.checks import Comparison
from audit.recount import Cell, Cells, Sums

# Mart, the table of the ledger whose sums it shows, its columns: what names a cell, and the sums.
_MARTS = (
    ("fct_candidate_results", "tallies", "contest_id, candidate_id, precinct_id, method", "vote_count"),
    (
        "fct_reconciliation",
        "contest_ballots",
        "contest_id, precinct_id, method",
        "ballot_count, undervote_count, overvote_count",
    ),
    ("fct_ballots", "ballot_counts", "precinct_id, method", "ballot_count"),
)
_CHOICES = ("fct_candidate_results", "fct_reconciliation")
_WITHHELD = "select publish = 'at_close' and now() < closes_at from marts.dim_elections where election_id = %s"


def held_against_marts(
    connection: psycopg.Connection, election_id: str, cells: Mapping[str, Mapping[Cell, Sums]]
) -> dict[str, Comparison]:
    """Compare the cells of all partitions with the marts, by name of mart. `connection` is a reader's.

    Left out are marts that are not built, and those that show nothing of the election before its polls close.
    """
    if not _is_built(connection, "dim_elections"):
        return {}
    ((is_withheld,),) = connection.execute(_WITHHELD, (election_id,)).fetchall() or ((True,),)
    expected = {**cells, "ballot_counts": without_styles(cells["ballot_counts"])}
    comparisons = {}
    for mart, table, keys, sums in _MARTS:
        if _is_built(connection, mart) and not (is_withheld and mart in _CHOICES):
            comparisons[mart] = Comparison()
            comparisons[mart].hold(expected[table], _rows(connection, election_id, mart, keys, sums), mart)
    return comparisons


def added_up(parts: Iterable[Mapping[Cell, Sums]]) -> Cells:
    """Add up the cells of several partitions."""
    totals = Cells()
    for part in parts:
        for cell, sums in part.items():
            totals.add(cell, *sums)
    return totals


def without_styles(cells: Mapping[Cell, Sums]) -> Cells:
    """Return ballots by precinct and method, whatever their style."""
    totals = Cells()
    for (precinct_id, _, method), (ballots, _) in cells.items():
        totals.add((precinct_id, method), ballots)
    return totals


def _is_built(connection: psycopg.Connection, mart: str) -> bool:
    (name,) = connection.execute("select to_regclass(%s)", (f"marts.{mart}",)).fetchone() or (None,)
    return name is not None


def _rows(connection: psycopg.Connection, election_id: str, mart: str, keys: str, sums: str) -> dict[Cell, Sums]:
    rows = connection.execute(
        f"select {keys}, {sums} from marts.{mart} where election_id = %s".encode(),  # noqa: S608
        (election_id,),
    )
    width = len(keys.split(", "))
    # A mart has a row for every cell that can be; the log has those in which something was counted.
    return {row[:width]: list(row[width:]) for row in rows if any(row[width:])}
