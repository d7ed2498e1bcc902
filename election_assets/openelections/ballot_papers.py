"""Ballot styles and the roll of an imported election: which contests a precinct's voters have, and how many voters."""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from election_assets.domain.apportionment import apportioned
from election_assets.domain.election import (
    BallotStyle,
    Contest,
    Contradiction,
    Election,
    Method,
    PrecinctBallotStyle,
)
from election_assets.domain.figures import BALLOTS_CAST, Place
from election_assets.domain.official_cells import PrecinctCells, filled_cells
from election_assets.domain.replay_plan import PrecinctPlan
from election_assets.openelections.notes import note

Style = tuple[str, ...]


def with_ballot_papers(draft: Election, contest_ids: Mapping[str, Sequence[str]]) -> Election:
    """Add ballot styles and the roll to a draft, given the contests of each precinct; keep the methods it uses.

    The roll is as large as published, or as casting needs where that is more or nothing is published.
    """
    cells = dict(filled_cells(draft))
    contests = {contest.contest_id: contest for contest in draft.contests}
    seats = _offices_of_seats(contest_ids, cells, contests)
    rolls: dict[str, dict[Style, int]] = {}
    notes: list[Contradiction] = []
    for unit in draft.precincts:
        precinct_id, registered = unit.reporting_unit_id, unit.registered_voter_count or 0
        on_ballots = contest_ids.get(precinct_id) or _shared_contests(contest_ids, draft)
        if precinct_id in cells:
            styles = _one_style_per_district(on_ballots, contests, seats)
            plan = PrecinctPlan(draft, precinct_id, cells[precinct_id], styles, contests)
            rolls[precinct_id] = _roll(plan, contests, registered)
            if plan.split:
                notes.append(_split_note(plan, contests, rolls[precinct_id]))
        else:
            rolls[precinct_id] = {tuple(on_ballots): registered}
    names = _named(dict.fromkeys(style for roll in rolls.values() for style in roll))
    used = {method for precinct in cells.values() for method in precinct.methods}
    return replace(
        draft,
        methods=tuple(method for method in Method if method in used) or (Method.TOTAL,),
        ballot_styles=tuple(BallotStyle(name, style) for style, name in names.items()),
        precinct_ballot_styles=tuple(
            PrecinctBallotStyle(precinct_id, names[style], voters)
            for precinct_id, roll in rolls.items()
            for style, voters in roll.items()
        ),
        contradictions=(*draft.contradictions, *notes),
    )


def _shared_contests(contest_ids: Mapping[str, Sequence[str]], draft: Election) -> list[str]:
    """Return the contests of a precinct the file has none for: those all others have, or else every contest."""
    everywhere = set.intersection(*(set(ids) for ids in contest_ids.values() if ids))
    every = [contest.contest_id for contest in draft.contests]
    return [one for one in every if one in everywhere] or every


def _offices_of_seats(
    contest_ids: Mapping[str, Sequence[str]], cells: Mapping[str, PrecinctCells], contests: Mapping[str, Contest]
) -> set[str]:
    """Return the offices whose "districts" are seats that every voter votes for, not places.

    They stand together in each of several precincts, mostly with more votes than would find place side by side.
    """
    together: dict[str, list[tuple[frozenset[str], bool]]] = {}
    for precinct_id, on_ballots in contest_ids.items():
        if precinct_id not in cells:
            continue
        precinct = cells[precinct_id]
        ballots = int(precinct.ballots.clip(0).sum())
        for office, districts in _by_office(on_ballots, contests).items():
            voted_on = [one for one in districts if one in precinct.votes]
            needed = sum(int(precinct.votes[one].sum()) // contests[one].votes_allowed for one in voted_on)
            together.setdefault(office, []).append((frozenset(districts), needed > ballots > 0))
    return {
        office
        for office, found in together.items()
        if len(found) > 1
        and len(found[0][0]) > 1
        and len({districts for districts, _ in found}) == 1
        and sum(crowded for _, crowded in found) * 2 > len(found)
    }


def _by_office(contest_ids: Sequence[str], contests: Mapping[str, Contest]) -> dict[str, list[str]]:
    offices: dict[str, list[str]] = {}
    for contest_id in contest_ids:
        offices.setdefault(contests[contest_id].office, []).append(contest_id)
    return offices


def _one_style_per_district(
    contest_ids: Sequence[str], contests: Mapping[str, Contest], seats: Container[str]
) -> list[Style]:
    """Return as many styles as the office with most districts here has, each with one district of every office."""
    offices = _by_office(contest_ids, contests)
    groups = [districts for office, districts in offices.items() if office not in seats]
    everyone = [one for office, districts in offices.items() if office in seats for one in districts]
    most = max((len(districts) for districts in groups), default=1)
    return [(*everyone, *(districts[at % len(districts)] for districts in groups)) for at in range(most)]


def _roll(plan: PrecinctPlan, contests: Mapping[str, Contest], registered: int) -> dict[Style, int]:
    """Return the voters of each style: its ballots, and its share of those who did not vote."""
    if not plan.split:
        ballots = int((plan.marked + plan.blanks).sum())
        return {_in_order(plan.styles[0], contests): max(registered, ballots)}
    division = {combination: int(ballots.sum()) for combination, ballots in plan.divisions().items()}
    division |= dict.fromkeys(_unreached(plan, list(division)), 0)
    marked = np.array(list(division.values()), dtype=np.int64)
    voters = marked + apportioned(int(plan.blanks.sum()), marked)
    voters += apportioned(max(0, registered - int(voters.sum())), marked)
    shared = [one for one in plan.styles[0] if all(one in style for style in plan.styles)]
    return {
        _in_order((*shared, *plan.contests_of(combination)), contests): count
        for combination, count in sorted(zip(division, voters.tolist(), strict=True))
    }


def _unreached(plan: PrecinctPlan, combinations: list[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Yield a combination for every district that none has: nobody votes there, but it is on the ballot."""
    for at, options in enumerate(plan.split):
        for option in range(len(options)):
            if all(combination[at] != option for combination in combinations):
                usual = combinations[0] if combinations else (0,) * len(plan.split)
                combinations.append((*usual[:at], option, *usual[at + 1 :]))
                yield combinations[-1]


def _in_order(style: Sequence[str], contests: Mapping[str, Contest]) -> Style:
    return tuple(one for one in contests if one in style)


def _named(styles: Collection[Style]) -> dict[Style, str]:
    """Name the styles by their order."""
    width = max(2, len(str(len(styles))))
    return {style: f"style-{number:0{width}}" for number, style in enumerate(styles, 1)}


def _split_note(plan: PrecinctPlan, contests: Mapping[str, Contest], roll: Mapping[Style, int]) -> Contradiction:
    ballots = int((plan.marked + plan.blanks).sum())
    districts = [one for options in plan.split for option in options for one in option]
    votes = {one: int(plan.filled.votes[one].sum()) for one in districts if one in plan.filled.votes}
    found = ", ".join(f"{contests[one].contest_name}: {count} votes" for one, count in votes.items())
    rest = min(ballots - int(needs.sum()) for needs in plan.option_needs)
    sizes = " + ".join(str(voters) for voters in roll.values())
    return note(
        "split_precinct_sizes_unknown",
        Place(BALLOTS_CAST, plan.precinct_id),
        f"{found}; {ballots} ballots",
        "how many ballots each part of the precinct cast",
        f"the {rest} ballots beyond these votes are divided by seed; the parts have {sizes} voters",
    )
