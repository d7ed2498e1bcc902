"""Who leads in each area, by plain arithmetic on its votes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from dashboard.contents import AreaVotes
from dashboard.snapshot import Contest


@dataclass(frozen=True, slots=True)
class AreaLeader:
    """An area with the names of those in the lead (or tied for it), and the votes to the next one.

    `margin_count` and `margin_share` are None where there is no next one.
    """

    reporting_unit_id: str
    reporting_unit_name: str
    leaders: tuple[str, ...]
    vote_count: int
    margin_count: int | None
    margin_share: float | None
    precinct_count: int
    all_count: int


def leaders_of(contest: Contest, votes: Iterable[AreaVotes]) -> Sequence[AreaLeader]:
    """Return each area's leaders among the candidates on the ballot paper, in the order of `votes`."""
    by_area = groupby(votes, key=lambda each: each.reporting_unit_id)
    return [_leader(contest, list(lines)) for _, lines in by_area]


def _leader(contest: Contest, lines: Sequence[AreaVotes]) -> AreaLeader:
    names = {each.candidate_id: each.candidate_name for each in contest.ranked}
    ranked = sorted((each for each in lines if each.candidate_id in names), key=lambda each: -each.vote_count)
    places = contest.votes_allowed
    total = sum(each.vote_count for each in lines)
    margin = ranked[places - 1].vote_count - ranked[places].vote_count if len(ranked) > places else None
    last = ranked[min(places, len(ranked)) - 1].vote_count if ranked else 0
    return AreaLeader(
        reporting_unit_id=lines[0].reporting_unit_id,
        reporting_unit_name=lines[0].reporting_unit_name,
        leaders=tuple(names[each.candidate_id] for each in ranked if each.vote_count >= last) if last else (),
        vote_count=total,
        margin_count=margin,
        margin_share=None if margin is None or not total else margin / total,
        precinct_count=lines[0].precinct_count,
        all_count=lines[0].all_count,
    )
