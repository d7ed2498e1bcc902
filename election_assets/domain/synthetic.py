"""Synthetic elections of any size: drawn from a seed, with the results they will have."""

from collections.abc import Iterator
from datetime import date

import numpy as np

from election_assets.domain.apportionment import Integers
from election_assets.domain.election import (
    BallotStyle,
    Candidate,
    Contest,
    Election,
    Method,
    OfficialBallots,
    OfficialResult,
    PrecinctBallotStyle,
    ReportingUnit,
    check_election_id,
)
from election_assets.domain.seeds import generator
from election_assets.errors import PermanentError

METHODS = (Method.ELECTION_DAY, Method.MAIL, Method.PROVISIONAL)

# Any fixed day: an election drawn from the same seed in another year is the same election.
_DAY = date(2024, 11, 5)
_VOTERS_PER_PRECINCT = 1_500
_PRECINCTS_PER_COUNTY = 50
_STYLE = "style-01"
# How ballots come in by the methods above, as in a county that votes by mail a good deal.
_METHOD_SHARES = (0.66, 0.33, 0.01)
# One ballot in a thousand is blank, and one voter in ten skips a contest below the first.
_BLANK_SHARE = 0.001
_SKIPPED_SHARE = 0.1
_OFFICES = ("Governor", "School Board", "Treasurer", "Attorney General", "Town Council", "Sheriff", "Clerk", "Coroner")
# Every third contest, beginning with the second, elects two.
_SEVERAL_EVERY, _SEVERAL = 3, 2
_PARTIES = ("Maple", "Harbor", "Meadow", None)


def generate_election(
    election_id: str,
    voters: int,
    seed: int = 1,
    contests: int = 3,
    precincts: int | None = None,
    turnout: float = 0.7,
    methods: tuple[Method, ...] = METHODS,
    names: Iterator[str] | None = None,
) -> Election:
    """Draw an election of so many voters; its official results are what replaying it must come to.

    The `candidate_count` candidates take their names from `names`, or are called Candidate A and so on.
    The first contest is voted on by everyone who does not hand in a blank ballot, so the figures never contradict
    each other. Raises PermanentError where there are more precincts than voters or the turnout is no share.
    """
    check_election_id(election_id)
    precincts = max(1, voters // _VOTERS_PER_PRECINCT) if precincts is None else precincts
    if not 1 <= precincts <= voters or not 0 <= turnout <= 1 or contests < 1:
        raise PermanentError(
            f"An election of {voters} voters, {precincts} precincts, {contests} contests and a turnout of {turnout} "
            "cannot be: take at least one contest, one precinct, a voter for each, and a turnout from 0 to 1."
        )
    random = generator(election_id, seed, "synthetic election")
    units = _reporting_units(precincts)
    precinct_ids = [unit.reporting_unit_id for unit in units if unit.reporting_unit_type == "precinct"]
    rolls = 1 + random.multinomial(voters - precincts, random.dirichlet(np.full(precincts, 8.0)))
    sizes = dict(zip(precinct_ids, rolls.tolist(), strict=True))
    papers = tuple(_contest(number, names) for number in range(contests))
    ballots = random.multinomial(random.binomial(rolls, turnout), _shares(methods))
    blanks = random.binomial(ballots, _BLANK_SHARE)
    return Election(
        election_id=election_id,
        election_name=f"Synthetic election {election_id}",
        election_date=_DAY,
        election_type="general",
        methods=methods,
        contests=papers,
        reporting_units=tuple(
            ReportingUnit(
                unit.reporting_unit_id,
                unit.reporting_unit_name,
                unit.reporting_unit_type,
                unit.parent_id,
                sizes.get(unit.reporting_unit_id),
            )
            for unit in units
        ),
        ballot_styles=(BallotStyle(_STYLE, tuple(contest.contest_id for contest in papers)),),
        precinct_ballot_styles=tuple(PrecinctBallotStyle(one, _STYLE, size) for one, size in sizes.items()),
        seed=seed,
        is_test=True,
        source=f"Drawn from seed {seed}; nobody voted.",
        official_results=_results(papers, precinct_ids, methods, ballots - blanks, random),
        official_ballots=tuple(
            OfficialBallots(precinct_id, method, int(ballots[at, column]), int(blanks[at, column]))
            for at, precinct_id in enumerate(precinct_ids)
            for column, method in enumerate(methods)
        ),
    )


def _shares(methods: tuple[Method, ...]) -> list[float]:
    """Return how ballots divide among methods: as usual for the usual ones, evenly for others."""
    return list(_METHOD_SHARES) if methods == METHODS else [1 / len(methods)] * len(methods)


def _reporting_units(precincts: int) -> tuple[ReportingUnit, ...]:
    """Return counties of up to fifty precincts each, and their precincts."""
    counties = -(-precincts // _PRECINCTS_PER_COUNTY)
    units = [ReportingUnit(f"county-{at + 1}", f"County {at + 1}", "county") for at in range(counties)]
    for at in range(precincts):
        parent = f"county-{at // _PRECINCTS_PER_COUNTY + 1}"
        units.append(ReportingUnit(f"precinct-{at + 1}", f"Precinct {at + 1}", "precinct", parent))
    return tuple(units)


def candidate_count(contests: int) -> int:
    """Return the number of candidates in so many contests, without write-ins."""
    return sum(_candidate_count(number) for number in range(contests))


def _candidate_count(number: int) -> int:
    return 2 + _votes_allowed(number) + number % 3


def _votes_allowed(number: int) -> int:
    return _SEVERAL if number % _SEVERAL_EVERY == 1 else 1


def _contest(number: int, names: Iterator[str] | None) -> Contest:
    """Return a contest of three to six candidates and write-ins, vote for one or, now and then, for two."""
    office = _OFFICES[number % len(_OFFICES)]
    name = office if number < len(_OFFICES) else f"{office} {number // len(_OFFICES) + 1}"
    contest_id = name.lower().replace(" ", "-")
    candidates = tuple(
        Candidate(
            f"candidate-{at + 1}",
            next(names) if names else f"Candidate {chr(ord('A') + at)}",
            _PARTIES[at % len(_PARTIES)],
        )
        for at in range(_candidate_count(number))
    )
    write_ins = Candidate("write-ins", "Write-ins", None, is_write_in=True)
    return Contest(contest_id, name, office, None, _votes_allowed(number), (*candidates, write_ins))


def _results(
    contests: tuple[Contest, ...],
    precinct_ids: list[str],
    methods: tuple[Method, ...],
    marked: Integers,
    random: np.random.Generator,
) -> tuple[OfficialResult, ...]:
    """Draw the votes of every contest, precinct and method, given the ballots that are not blank."""
    results = []
    for number, contest in enumerate(contests):
        votes = _votes(contest, marked, _SKIPPED_SHARE if number else 0.0, random)
        results += [
            OfficialResult(contest.contest_id, candidate.candidate_id, precinct_id, method, count)
            for precinct_id, by_method in zip(precinct_ids, votes.tolist(), strict=True)
            for method, counts in zip(methods, by_method, strict=True)
            for candidate, count in zip(contest.candidates, counts, strict=True)
        ]
    return tuple(results)


def _votes(contest: Contest, marked: Integers, skipped: float, random: np.random.Generator) -> Integers:
    """Draw a contest's votes by precinct, method and candidate: a candidate has no more than there are ballots."""
    # The last line is that of write-ins: about one vote in two hundred.
    liked = random.dirichlet(np.full(len(contest.candidates) - 1, 4.0)) * 0.995
    used = random.binomial(marked * contest.votes_allowed, 1 - skipped)
    votes = random.multinomial(used, [*liked, 1 - liked.sum()])
    # In a contest for several a favourite may be drawn more often than there are voters: the rest is not used.
    return np.minimum(votes, marked[..., None])
