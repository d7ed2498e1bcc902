"""A mixture of good and bad messages of which it is known beforehand what each is worth."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from election_assets.domain.election import Election
from election_assets.domain.verdict import Reason
from tests.support import spellings
from tests.support.ballots import FAULTS, Draft, Message, draft, partition_for, with_faults
from tests.support.elections import Voter, roll_of

Cell = tuple[str, ...]

# Faults that any voter's ballot can have and keep; the others need a voter of one precinct and style.
_FAULTS = [
    Reason.MALFORMED,
    Reason.WRONG_KEY,
    Reason.WRONG_PARTITION,
    Reason.WRONG_ELECTION,
    Reason.UNKNOWN_METHOD,
    Reason.UNKNOWN_PRECINCT,
    Reason.UNKNOWN_BALLOT_STYLE,
    Reason.UNKNOWN_CONTEST,
    Reason.UNKNOWN_VOTER,
]


@dataclass(frozen=True, slots=True)
class Cast:
    """A message and why it is not counted; `draft` is None for bytes that never were a ballot."""

    message: Message
    reason: Reason | None
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What counted ballots come to, by names: ballots, (ballots, undervotes, overvotes) and votes."""

    ballots: Counter[Cell] = field(default_factory=Counter)
    contests: dict[Cell, tuple[int, int, int]] = field(default_factory=dict)
    votes: Counter[Cell] = field(default_factory=Counter)


def mixture(election: Election, seed: int, share_bad: float = 0.3) -> list[Cast]:
    """Draw a mixture: most voters cast one ballot; some again, some twice, some wrongly first, some never."""
    randomly = random.Random(seed)
    drafts: list[tuple[Draft | Message, Reason | None]] = []
    for voter in roll_of(election):
        drafts += _attempts(election, voter, randomly, share_bad)
    randomly.shuffle(drafts)
    return judged_in_order(drafts)


def judged_in_order(drafts: Iterable[tuple[Draft | Message, Reason | None]]) -> list[Cast]:
    """Say what each becomes: its fault, or by whether the voter's first valid ballot came before."""
    counted: dict[str, str] = {}
    casts = []
    for one, fault in drafts:
        if isinstance(one, Message):
            casts.append(Cast(one, fault, None))
            continue
        reason = fault
        if fault is None:
            voter_id, ballot_id = one.fields["voter_id"], one.fields["ballot_id"]
            if voter_id in counted:
                same = counted[voter_id] == ballot_id
                reason = Reason.DUPLICATE_DELIVERY if same else Reason.SECOND_BALLOT
            else:
                counted[voter_id] = ballot_id
        casts.append(Cast(one.message(), reason, one))
    return casts


def expected_figures(election: Election, casts: Sequence[Cast]) -> Figures:
    """Add up what is counted, one ballot after the other."""
    figures = Figures()
    allowed = {contest.contest_id: contest.votes_allowed for contest in election.contests}
    on_style = {style.ballot_style_id: style.contest_ids for style in election.ballot_styles}
    for cast in casts:
        if cast.reason is not None or cast.draft is None:
            continue
        fields = cast.draft.fields
        precinct, style, method = fields["precinct_id"], fields["ballot_style_id"], fields["method"]
        figures.ballots[precinct, style, method] += 1
        for contest in on_style[style]:
            chosen = fields["selections"].get(contest, [])
            over = len(chosen) > allowed[contest]
            ballots, under, overvotes = figures.contests.get((contest, precinct, method), (0, 0, 0))
            figures.contests[contest, precinct, method] = (
                ballots + 1,
                under + (0 if over else allowed[contest] - len(chosen)),
                overvotes + (allowed[contest] if over else 0),
            )
            figures.votes.update({(contest, one, precinct, method): 1 for one in chosen if not over})
    return figures


def _attempts(
    election: Election, voter: Voter, randomly: random.Random, share_bad: float
) -> list[tuple[Draft | Message, Reason | None]]:
    if randomly.random() < 0.1:
        return []
    ballot = _drawn(election, voter, randomly, 0)
    attempts: list[tuple[Draft | Message, Reason | None]] = [(ballot, None)]
    if randomly.random() < share_bad:
        attempts.append((ballot, None))
    if randomly.random() < share_bad:
        attempts.append((_drawn(election, voter, randomly, 1), None))
    if randomly.random() < share_bad:
        fault = randomly.choice(_FAULTS)
        attempts.append((with_faults(ballot, fault), fault))
    if randomly.random() < share_bad:
        home = partition_for(voter.voter_id.encode(), election.partition_count)
        bad = spellings.malformed({**ballot.fields, "selections": {}})
        value = bad[randomly.choice(list(bad))]
        attempts.append((Message(home, voter.voter_id.encode(), value), Reason.MALFORMED))
    return attempts


def _drawn(election: Election, voter: Voter, randomly: random.Random, attempt: int) -> Draft:
    style = next(one for one in election.ballot_styles if one.ballot_style_id == voter.ballot_style_id)
    selections = {}
    for contest in election.contests:
        if contest.contest_id in style.contest_ids and randomly.random() < 0.9:
            ids = [one.candidate_id for one in contest.candidates]
            most = min(len(ids), contest.votes_allowed + (randomly.random() < 0.1))
            selections[contest.contest_id] = randomly.sample(ids, randomly.randint(0, most))
    drawn = draft(election, voter, selections, attempt)
    return replace(drawn, fields={**drawn.fields, "method": randomly.choice(election.methods).value})


assert set(_FAULTS) <= set(FAULTS)
