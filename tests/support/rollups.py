"""What an election's official figures add up to, cell by cell, without asking a database."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from election_assets.domain.election import Election, Method

Cell = tuple[str, ...]


def votes(election: Election) -> Mapping[Cell, int]:
    """Return official votes by contest, candidate and precinct."""
    cells = (((one.contest_id, one.candidate_id, one.precinct_id), one) for one in election.official_results)
    return _of_all_methods((cell, one.method, one.vote_count) for cell, one in cells)


def ballots(election: Election) -> Mapping[Cell, int]:
    """Return official ballots by precinct, or what the replay makes of them where the source contradicts itself."""
    replayed = {
        (one.precinct_id, one.method): one.replayed_count
        for one in election.contradictions
        if one.cell == "ballots_cast" and one.replayed_count is not None
    }
    published = ((one.precinct_id, one.method, one.ballot_count) for one in election.official_ballots)
    cells = ((place, method, replayed.get((place, method), count)) for place, method, count in published)
    return _of_all_methods(((place,), method, count) for place, method, count in cells if count is not None)


def added_up(cells: Mapping[Cell, int], *kept: int) -> dict[Cell, int]:
    """Add cells up over all but the places in their names that are kept."""
    totals = Counter[Cell]()
    for cell, count in cells.items():
        totals[tuple(cell[at] for at in kept)] += count
    return dict(totals)


def _of_all_methods(cells: Iterator[tuple[Cell, Method, int]]) -> Mapping[Cell, int]:
    """Take the published total of each cell; where there is none, the sum of its methods."""
    by_method: defaultdict[Cell, dict[Method, int]] = defaultdict(dict)
    for cell, method, count in cells:
        by_method[cell][method] = count
    return {
        cell: found[Method.TOTAL] if Method.TOTAL in found else sum(found.values()) for cell, found in by_method.items()
    }
