"""The contradictions of a source: rows of contradictions.csv about what a file contradicts in itself."""

from election_assets.domain.election import Contest, Contradiction, Election, Method
from election_assets.domain.figures import (
    BALLOTS_CAST,
    BALLOTS_CAST_BLANK,
    REGISTERED_VOTERS,
    VOTES,
    Place,
    official_figures,
    replayed_figures,
)
from election_assets.domain.plain_text import shortened

_MAX_FOUND_LENGTH = 1_000
_ACTION = {
    VOTES: "the votes by method are replayed, and add up to {replayed}",
    BALLOTS_CAST: "the replay casts {replayed} ballots",
    BALLOTS_CAST_BLANK: "the replay casts {replayed} blank ballots",
    REGISTERED_VOTERS: "the roll has {replayed} voters",
}


def note(
    kind: str, place: Place, found: str, expected: str, action: str, replayed_count: int | None = None
) -> Contradiction:
    """Make a row of contradictions.csv about a place."""
    return Contradiction(
        kind,
        place.precinct_id,
        place.contest_id,
        place.candidate_id,
        place.method,
        place.cell,
        shortened(found, _MAX_FOUND_LENGTH),
        expected,
        action,
        replayed_count,
    )


def replay_differences(election: Election) -> list[Contradiction]:
    """Return a row for every official figure that the replay cannot reproduce: no more and no fewer."""
    return _Differences(election).rows()


class _Differences:
    """The official figures beside the replayed ones, and the reasons where they differ."""

    def __init__(self, election: Election) -> None:
        self._methods = [method for method in election.methods if method is not Method.TOTAL]
        self._contests = {contest.contest_id: contest for contest in election.contests}
        self._official = official_figures(election)
        self._replayed = replayed_figures(election)
        self._votes: dict[tuple[str | None, Method | None], dict[str, int]] = {}
        for place, count in self._official.items():
            if place.contest_id:
                votes = self._votes.setdefault((place.precinct_id, place.method), {})
                votes[place.contest_id] = votes.get(place.contest_id, 0) + count

    def rows(self) -> list[Contradiction]:
        """Return a row per differing figure, in the order of the official ones."""
        return [self._row(place) for place in self._official if self._differs(place)]

    def _differs(self, place: Place) -> bool:
        return place in self._official and self._official[place] != self._replayed[place]

    def _row(self, place: Place) -> Contradiction:
        kind, found, expected = self._reason(place)
        replayed = self._replayed[place]
        action = _ACTION[place.cell].format(replayed=replayed)
        return note(kind, place, found, expected, action, replayed)

    def _reason(self, place: Place) -> tuple[str, str, str]:
        """Return the kind of a difference, what was found, and what would have been expected."""
        published, replayed = self._official[place], self._replayed[place]
        if published < 0:
            return "negative_cell", str(published), "a count of 0 or more"
        if place.cell == REGISTERED_VOTERS:
            found = f"{published} registered voters, {replayed} ballots"
            return "more_ballots_than_registered", found, f"at least {replayed}"
        if place.method is Method.TOTAL and (parts := self._parts(place)):
            differing = next((part for part in parts if self._differs(part)), None)
            kind = self._reason(differing)[0] if differing else "methods_do_not_add_up"
            return kind, f"{published}, where the methods as replayed add up to {replayed}", str(replayed)
        blank = self._replayed.get(place._replace(cell=BALLOTS_CAST_BLANK), 0)
        if place.cell == BALLOTS_CAST and replayed - blank > published:
            return "more_votes_than_ballots", self._crowded(place), f"at least {replayed} ballots"
        if place.cell == BALLOTS_CAST:
            found = f"{published} ballots with {blank} blank, {replayed - blank} needed for the votes"
            return "blank_ballots_do_not_fit", found, f"at least {replayed} ballots"
        return (
            "blank_ballots_do_not_fit",
            f"{published} blank ballots",
            f"{replayed}, which leave no other without a vote",
        )

    def _parts(self, place: Place) -> list[Place]:
        parts = [place._replace(method=method) for method in self._methods]
        return [part for part in parts if part in self._official]

    def _crowded(self, place: Place) -> str:
        """Say which contest has more votes than there are ballots."""
        published = self._official[place]
        votes = self._votes.get((place.precinct_id, place.method), {})
        most = max(votes, key=lambda one: -(-votes[one] // self._contests[one].votes_allowed), default=None)
        if most and votes[most] > published * self._contests[most].votes_allowed:
            return f"{votes[most]} votes in {titled(self._contests[most])} on {published} ballots"
        return f"{published} ballots, too few for the votes of districts that exclude each other"


def titled(contest: Contest) -> str:
    """Return a contest's name with how many votes it allows, where that is not one."""
    if contest.votes_allowed == 1:
        return contest.contest_name
    return f"{contest.contest_name} (vote for {contest.votes_allowed})"
