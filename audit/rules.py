"""The rules, one after the other: why a message is not counted. In their order, and the first that applies."""

from collections.abc import Mapping

from kafka.partitioner.default import murmur2

from audit.ballot import Ballot
from audit.log import Message
from audit.registry import Registry, Voter

QUARANTINED = frozenset(
    {
        "malformed",
        "wrong_key",
        "wrong_partition",
        "wrong_election",
        "unknown_method",
        "unknown_precinct",
        "unknown_ballot_style",
        "unknown_contest",
        "unknown_candidate",
    }
)


def misplaced(registry: Registry, message: Message, ballot: Ballot) -> str | None:
    """Return why a well-formed ballot is quarantined, None where it is not."""
    voter_id = ballot.voter_id.encode()
    if message.key != voter_id:
        return "wrong_key"
    if (murmur2(voter_id) & 0x7FFFFFFF) % registry.partition_count != message.partition:
        return "wrong_partition"
    if ballot.election_id != registry.election_id:
        return "wrong_election"
    if ballot.method not in registry.methods:
        return "unknown_method"
    if ballot.precinct_id not in registry.styles:
        return "unknown_precinct"
    contest_ids = registry.styles[ballot.precinct_id].get(ballot.ballot_style_id)
    if contest_ids is None:
        return "unknown_ballot_style"
    for contest_id, _ in ballot.selections:
        if contest_id not in contest_ids:
            return "unknown_contest"
    for contest_id, chosen in ballot.selections:
        if not registry.contests[contest_id].candidate_ids.issuperset(chosen):
            return "unknown_candidate"
    return None


def refused(registry: Registry, message: Message, ballot: Ballot, voter: Voter | None) -> str | None:
    """Return why a ballot that can be placed is rejected for its time or its voter, None where it is not."""
    if registry.opens_at_ms is not None and message.append_time_ms < registry.opens_at_ms:
        return "before_open"
    if registry.closes_at_ms is not None and message.append_time_ms >= registry.closes_at_ms:
        return "after_close"
    if voter is None:
        return "unknown_voter"
    if ballot.precinct_id != voter.precinct_id:
        return "wrong_precinct"
    if ballot.ballot_style_id != voter.ballot_style_id:
        return "wrong_ballot_style"
    return None


def repeated(ballot: Ballot, counted: Mapping[str, str]) -> str | None:
    """Return why a valid ballot does not count, where one of its voter's does: `counted` is voter → ballot."""
    earlier = counted.get(ballot.voter_id)
    if earlier is None:
        return None
    return "duplicate_delivery" if earlier == ballot.ballot_id else "second_ballot"
