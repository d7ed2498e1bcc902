"""Ballots as any producer might spell them, with the standard library alone, and their faults one by one."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kafka.partitioner.default import murmur2

from election_assets.domain.election import Election
from election_assets.domain.verdict import Reason
from tests.support.elections import Voter

Selections = Mapping[str, list[str]]
NAMESPACE = uuid.UUID("5b0a2f4e-9a37-4c1e-8c50-7e1d3f0f7a11")


class Message(NamedTuple):
    """A message as it is appended: where to, and its bytes; None stands for Kafka's null."""

    partition: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A ballot in the making; key and partition are the voter's own unless they are set."""

    fields: Mapping[str, Any]
    partition_count: int
    key: bytes | None = None
    partition_off: int = 0
    after_close: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def having(self, **changes: Any) -> "Draft":
        """Return the ballot with other fields."""
        return replace(self, fields={**self.fields, **changes})

    def selecting(self, **selections: list[str]) -> "Draft":
        """Return the ballot with further selections."""
        return self.having(selections={**self.fields["selections"], **selections})

    def message(self) -> Message:
        """Spell it."""
        voter_id = self.fields["voter_id"].encode()
        home = partition_for(voter_id, self.partition_count)
        value = json.dumps({**self.fields, **self.extra}, separators=(",", ":")).encode()
        return Message((home + self.partition_off) % self.partition_count, self.key or voter_id, value)


def partition_for(voter_id: bytes, partition_count: int) -> int:
    """Return the partition by kafka-python's own hash."""
    return (murmur2(voter_id) & 0x7FFFFFFF) % partition_count


def ballot_id_of(*names: object) -> str:
    """Return a ballot id that depends on the names alone."""
    return str(uuid.uuid5(NAMESPACE, "/".join(map(str, names))))


def draft(election: Election, voter: Voter, selections: Selections | None = None, attempt: int = 0) -> Draft:
    """Return a well-formed ballot of a voter; without selections it is blank. `attempt` makes another ballot id."""
    return Draft(
        {
            "election_id": election.election_id,
            "ballot_id": ballot_id_of(election.election_id, voter.voter_id, attempt),
            "voter_id": voter.voter_id,
            "precinct_id": voter.precinct_id,
            "ballot_style_id": voter.ballot_style_id,
            "method": election.methods[0].value,
            "cast_at": "2026-11-03T09:00:00Z",
            "selections": dict(selections or {}),
        },
        election.partition_count,
    )


# Each fault alone, in the order of the reasons, for a ballot of a voter of `north` with style `full` that leaves
# `bridge` out, which style `short` has not.
FAULTS: dict[Reason, Callable[[Draft], Draft]] = {
    Reason.MALFORMED: lambda one: replace(one, extra={"remark": "hello"}),
    Reason.WRONG_KEY: lambda one: replace(one, key=b"somebody-else"),
    Reason.WRONG_PARTITION: lambda one: replace(one, partition_off=1),
    Reason.WRONG_ELECTION: lambda one: one.having(election_id="another-election"),
    Reason.UNKNOWN_METHOD: lambda one: one.having(method="pigeon"),
    Reason.UNKNOWN_PRECINCT: lambda one: one.having(precinct_id="nowhere"),
    Reason.UNKNOWN_BALLOT_STYLE: lambda one: one.having(ballot_style_id="no-such-style"),
    Reason.UNKNOWN_CONTEST: lambda one: one.selecting(sheriff=["ann"]),
    Reason.UNKNOWN_CANDIDATE: lambda one: one.selecting(mayor=["nobody"]),
    Reason.AFTER_CLOSE: lambda one: replace(one, after_close=True),
    Reason.UNKNOWN_VOTER: lambda one: one.having(voter_id="stranger"),
    Reason.WRONG_PRECINCT: lambda one: one.having(precinct_id="south"),
    Reason.WRONG_BALLOT_STYLE: lambda one: one.having(ballot_style_id="short"),
}


def with_faults(ballot: Draft, *reasons: Reason) -> Draft:
    """Return the ballot with all of these faults; where two want one field, the earlier reason's has it."""
    for reason in sorted(reasons, key=list(Reason).index, reverse=True):
        ballot = FAULTS[reason](ballot)
    return ballot
