"""The recount of one partition: each message judged and added up by itself, in order of offset."""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.ballot import Ballot, Selections, read_ballot
from audit.log import Message
from audit.registry import Registry, Voter
from audit.rules import QUARANTINED, misplaced, refused, repeated

# A row of a table of the ledger by what it is about, and its sums.
Cell = tuple[object, ...]
Sums = list[int]

Voters = Callable[[Collection[str]], Mapping[str, Voter]]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What became of a message that is not counted."""

    verdict: str
    reason: str
    appended_at: datetime


@dataclass(slots=True)
class PartitionRecount:
    """What the messages of one partition come to; `voters` finds those of a block of ballots on the roll.

    `otherwise` are counted voters of whom the ledger has another ballot or none, by number: (ballot in the log, ballot
    in the ledger).
    """

    registry: Registry
    partition: int
    voters: Voters
    message_count: int = 0
    last: tuple[int, datetime] | None = None
    uncounted: dict[int, Uncounted] = field(default_factory=dict)
    voter_numbers: "array[int]" = field(default_factory=lambda: array("i"))
    otherwise: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    _counted: dict[str, str] = field(default_factory=dict)
    # Counted ballots by place and marks, by voter group, and by the minute they came in.
    _ballots: Counter[tuple[str, str, str, Selections]] = field(default_factory=Counter)
    _groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _arrivals: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def counted(self) -> int:
        """Return how many ballots are counted so far."""
        return len(self._counted)

    def verdicts(self) -> Counter[str]:
        """Return how many messages got each verdict so far."""
        found = Counter(one.verdict for one in self.uncounted.values())
        found["counted"] = self.counted
        return found

    def add(self, messages: Sequence[Message]) -> None:
        """Judge and add up the next messages, in order of offset."""
        ballots = [read_ballot(message.value) for message in messages]
        voters = self.voters({ballot.voter_id for ballot in ballots if ballot})
        for message, ballot in zip(messages, ballots, strict=True):
            self.message_count += 1
            voter = voters.get(ballot.voter_id) if ballot else None
            reason = self._reason(message, ballot, voter)
            if reason:
                verdict = "quarantined" if reason in QUARANTINED else "rejected"
                self.uncounted[message.offset] = Uncounted(verdict, reason, message.appended_at)
            elif ballot and voter:
                self._count(message, ballot, voter)
        if messages:
            self.last = messages[-1].offset, messages[-1].appended_at

    def _reason(self, message: Message, ballot: Ballot | None, voter: Voter | None) -> str | None:
        if ballot is None:
            return "malformed"
        return (
            misplaced(self.registry, message, ballot)
            or refused(self.registry, message, ballot, voter)
            or repeated(ballot, self._counted)
        )

    def _count(self, message: Message, ballot: Ballot, voter: Voter) -> None:
        self._counted[ballot.voter_id] = ballot.ballot_id
        self.voter_numbers.append(voter.voter_number)
        if voter.ledger_ballot_id != ballot.ballot_id:
            self.otherwise[voter.voter_number] = ballot.ballot_id, voter.ledger_ballot_id
        self._ballots[ballot.precinct_id, ballot.ballot_style_id, ballot.method, ballot.selections] += 1
        self._groups[ballot.precinct_id, voter.age_group, voter.gender] += 1
        self._arrivals[message.append_time_ms // 60_000, ballot.method] += 1

    def cells(self) -> dict[str, dict[Cell, Sums]]:
        """Return what the counted ballots come to, by the ledger's table."""
        ballots, contests, votes, groups = Cells(), Cells(), Cells(), Cells()
        for (precinct, style, method, selections), number in self._ballots.items():
            marked = dict(selections)
            ballots.add((precinct, style, method), number, 0 if any(marked.values()) else number)
            for contest_id in self.registry.styles[precinct][style]:
                allowed, chosen = self.registry.contests[contest_id].votes_allowed, marked.get(contest_id, ())
                if len(chosen) > allowed:
                    contests.add((contest_id, precinct, method), number, 0, number * allowed)
                    continue
                contests.add((contest_id, precinct, method), number, number * (allowed - len(chosen)), 0)
                for candidate_id in chosen:
                    votes.add((contest_id, candidate_id, precinct, method), number)
        for (precinct, age_group, gender), number in self._groups.items():
            groups.add((self.registry.units_above[precinct], age_group, gender), number)
        arrivals: dict[Cell, Sums] = {
            (datetime.fromtimestamp(minute * 60, tz=UTC), method): [number]
            for (minute, method), number in self._arrivals.items()
        }
        return {
            "ballot_counts": ballots,
            "contest_ballots": contests,
            "tallies": votes,
            "voter_group_counts": groups,
            "arrivals": arrivals,
        }


class Cells(dict[Cell, Sums]):
    """Cells that are added up."""

    def add(self, cell: Cell, *amounts: int) -> None:
        """Add amounts to the sums of a cell."""
        sums = self.get(cell)
        if sums is None:
            self[cell] = list(amounts)
            return
        for place, amount in enumerate(amounts):
            sums[place] += amount
