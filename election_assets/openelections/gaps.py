"""What an OpenElections file leaves out or says in a way that cannot be so, beyond single cells."""

from collections.abc import Iterable, Iterator

from election_assets.domain.election import Contradiction, Election, Method
from election_assets.domain.figures import BALLOTS_CAST, REGISTERED_VOTERS, VOTES, Place
from election_assets.domain.official_cells import UNPUBLISHED, Published, filled_cells, published_cells
from election_assets.openelections.notes import note
from election_assets.openelections.rows import Table

_ROWS_LEFT_OUT = {
    "more_cells_than_columns": "as many cells as the header has columns",
    "cell_too_long": "names and counts",
    "no_precinct": "a precinct's name",
    "no_office": "an office's name",
    "sum_of_precincts": "a row of a precinct",
}
# Two precincts of one size are a coincidence; three, and all there are, are not.
_TOO_MANY_ALIKE = 3


def left_out_notes(table: Table) -> Iterator[Contradiction]:
    """Yield a row per reason and place for the lines and columns of the file that are not used."""
    lines: dict[tuple[str, str], list[int]] = {}
    for one in table.left_out:
        lines.setdefault((one.kind, one.where), []).append(one.line)
    for (kind, where), numbers in lines.items():
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        found = f"line {numbers[0]}{more} ({where})"
        yield note(kind, Place("row", None), found, _ROWS_LEFT_OUT[kind], "left out")
    for column in table.unknown_columns:
        found = f"numbers in a column {column!r}"
        yield note("unknown_column", Place("column", None), found, "a known voting method", "left out")


def gap_notes(election: Election) -> Iterator[Contradiction]:
    """Yield a row for each count that is missing, or the same everywhere, and for methods that are not told apart."""
    counts = {unit.reporting_unit_id: unit.registered_voter_count for unit in election.precincts}
    unregistered = [precinct_id for precinct_id, count in counts.items() if count is None]
    yield from _missing(
        election,
        "registration_missing",
        REGISTERED_VOTERS,
        unregistered,
        "the roll is as large as casting needs, and turnout is unknown",
    )
    cells = published_cells(election)
    uncast = [one for one, published in cells.items() if published.votes and (published.ballots == UNPUBLISHED).all()]
    yield from _missing(
        election,
        "ballots_missing",
        BALLOTS_CAST,
        uncast,
        "the replay casts as many ballots as the votes need",
    )
    if len(counts) >= _TOO_MANY_ALIKE and not unregistered and len(set(counts.values())) == 1:
        found = f"{next(iter(counts.values()))} registered voters in each of {len(counts)} precincts"
        yield note(
            "identical_registration_everywhere",
            Place(REGISTERED_VOTERS, None),
            found,
            "each precinct's own number",
            "kept as published; the turnout of a precinct is doubtful",
        )
    yield from _method_notes(election, cells)


def _missing(election: Election, kind: str, cell: str, precinct_ids: list[str], action: str) -> Iterator[Contradiction]:
    """Yield a row per precinct, or a single one where no precinct has the count."""
    everywhere = len(precinct_ids) == len(election.precincts)
    for precinct_id in precinct_ids[:1] if everywhere else precinct_ids:
        found = f"none in any of {len(precinct_ids)} precincts" if everywhere else "none"
        yield note(kind, Place(cell, None if everywhere else precinct_id), found, "a count", action)


def _method_notes(election: Election, cells: dict[str, Published]) -> Iterator[Contradiction]:
    rows = {method: at for at, method in enumerate(Method)}
    not_split, without_polls = [], []
    for precinct_id, filled in filled_cells(election):
        published = [*cells[precinct_id].votes.values(), cells[precinct_id].ballots[:, None]]
        has = {method for method, row in rows.items() if any((votes[row] != UNPUBLISHED).any() for votes in published)}
        if filled.methods == (Method.TOTAL,) and has - {Method.TOTAL}:
            not_split.append(precinct_id)
        if not set(filled.methods) <= has:
            without_polls.append(precinct_id)
    yield from _method_note(
        not_split,
        "nothing but zeros by method beside totals above zero",
        "methods that add up to the total",
        "the methods are taken as not published, and ballots are cast as `total`",
    )
    yield from _method_note(
        without_polls,
        "totals above the sum of the methods, without a column of election day",
        "a column for every method",
        "the votes beyond the other methods are cast as `election_day`",
    )


def _method_note(precinct_ids: Iterable[str], found: str, expected: str, action: str) -> Iterator[Contradiction]:
    for precinct_id in precinct_ids:
        yield note("methods_do_not_add_up", Place(VOTES, precinct_id), found, expected, action)
