"""What can become of a message, and the words for it.

The order of `Reason` is the order in which the rules apply; how they are applied is in
`judge.py`.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """Counted, rejected by a rule, or quarantined because not understood or not placed."""

    COUNTED = "counted"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


class Reason(StrEnum):
    """Why a message is not counted: the first that applies, in this order."""

    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"
    WRONG_PARTITION = "wrong_partition"
    WRONG_ELECTION = "wrong_election"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_PRECINCT = "unknown_precinct"
    UNKNOWN_BALLOT_STYLE = "unknown_ballot_style"
    UNKNOWN_CONTEST = "unknown_contest"
    UNKNOWN_CANDIDATE = "unknown_candidate"
    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"
    UNKNOWN_VOTER = "unknown_voter"
    WRONG_PRECINCT = "wrong_precinct"
    WRONG_BALLOT_STYLE = "wrong_ballot_style"
    DUPLICATE_DELIVERY = "duplicate_delivery"
    SECOND_BALLOT = "second_ballot"

    @property
    def verdict(self) -> Verdict:
        """Return whether a message with this reason is rejected or quarantined."""
        return Verdict.QUARANTINED if self in _QUARANTINED else Verdict.REJECTED

    @property
    def sentence(self) -> str:
        """Return the explanation shown to people."""
        return _SENTENCES[self]


_QUARANTINED = frozenset(
    {
        Reason.MALFORMED,
        Reason.WRONG_KEY,
        Reason.WRONG_PARTITION,
        Reason.WRONG_ELECTION,
        Reason.UNKNOWN_METHOD,
        Reason.UNKNOWN_PRECINCT,
        Reason.UNKNOWN_BALLOT_STYLE,
        Reason.UNKNOWN_CONTEST,
        Reason.UNKNOWN_CANDIDATE,
    }
)

_SENTENCES = {
    Reason.MALFORMED: "The message is not a ballot of the published schema.",
    Reason.WRONG_KEY: "The message's key is not its voter's id.",
    Reason.WRONG_PARTITION: "The message is not in its voter's partition.",
    Reason.WRONG_ELECTION: "The ballot names another election than its topic's.",
    Reason.UNKNOWN_METHOD: "The election takes no ballots by this method.",
    Reason.UNKNOWN_PRECINCT: "The election has no such precinct.",
    Reason.UNKNOWN_BALLOT_STYLE: "The precinct has no such ballot style.",
    Reason.UNKNOWN_CONTEST: "The ballot style has no such contest.",
    Reason.UNKNOWN_CANDIDATE: "The contest has no such candidate.",
    Reason.BEFORE_OPEN: "The ballot reached the log before the polls opened.",
    Reason.AFTER_CLOSE: "The ballot reached the log after the polls closed.",
    Reason.UNKNOWN_VOTER: "The voter is not on the roll.",
    Reason.WRONG_PRECINCT: "The voter is on the roll in another precinct.",
    Reason.WRONG_BALLOT_STYLE: "The voter is on the roll with another ballot style.",
    Reason.DUPLICATE_DELIVERY: "The same ballot was sent again; it is counted once.",
    Reason.SECOND_BALLOT: "The voter's ballot is already counted; the first valid one counts.",
}
