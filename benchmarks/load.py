"""What a benchmark counts: ballots sent again, second ballots and strangers' among those that count."""

import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator

import msgspec

from benchmarks.stage import Stage
from election_assets.domain.election import Election

RESENT_SHARE = 0.05
SECOND_SHARE = 0.05
STRANGER_SHARE = 0.01
# So many wait at a time, each to come some thousand messages after the ballot it was made of.
_WAITING = 1_000

_BALLOT_ID = re.compile(rb'(?<="ballot_id":")[^"]+')
_SELECTIONS = b'"selections":'

Sent = tuple[bytes, bytes]
Totals = Counter[tuple[str, str, str, str]]


class Load:
    """Ballots with others among them, and the totals that they come to: contest, candidate, precinct, method → votes.

    A second ballot has the selections of another voter, so that counting the wrong one shows; every election here has
    one ballot style.
    """

    def __init__(self, election: Election, seed: int = 1) -> None:
        self.uncounted_count = 0
        self._election = election
        self._random = random.Random(seed)
        self._strangers: Totals = Counter()

    def mixed(self, ballots: Iterator[Sent]) -> Iterator[Sent]:
        """Yield the ballots, and a while after some of them what is made of them."""
        waiting: list[Sent] = []
        others = b"{}}"
        for key, value in ballots:
            yield key, value
            drawn = self._random.random()
            if drawn < RESENT_SHARE:
                waiting.append((key, value))
            elif drawn < RESENT_SHARE + SECOND_SHARE:
                waiting.append((key, self._second(value, others)))
            elif drawn < RESENT_SHARE + SECOND_SHARE + STRANGER_SHARE:
                waiting.append(self._stranger(key, value))
            others = value.partition(_SELECTIONS)[2]
            if len(waiting) > _WAITING:
                self.uncounted_count += 1
                yield waiting.pop(self._random.randrange(len(waiting)))
        self.uncounted_count += len(waiting)
        yield from waiting

    def totals(self, with_strangers: bool = False) -> Totals:
        """Return the official totals, and on top of them those of a count that asks no roll."""
        official: Totals = Counter()
        for result in self._election.official_results:
            official[result.contest_id, result.candidate_id, result.precinct_id, result.method.value] += (
                result.vote_count
            )
        return +(official + self._strangers) if with_strangers else +official

    def _second(self, value: bytes, others: bytes) -> bytes:
        ballot_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4)).encode()
        head, name, _ = _BALLOT_ID.sub(ballot_id, value).partition(_SELECTIONS)
        return head + name + others

    def _stranger(self, key: bytes, value: bytes) -> Sent:
        ballot = msgspec.json.decode(value)
        for contest_id, candidate_ids in ballot["selections"].items():
            for candidate_id in candidate_ids:
                self._strangers[contest_id, candidate_id, ballot["precinct_id"], ballot["method"]] += 1
        # No id on the roll is so long.
        stranger = b"stranger-" + key
        return stranger, value.replace(b'"voter_id":"' + key, b'"voter_id":"' + stranger)


def send(stage: Stage) -> Load:
    """Send all ballots of a stage with others among them."""
    load = Load(stage.election)
    stage.waiting = load.mixed(stage.waiting)
    stage.send()
    stage.uncounted_count = load.uncounted_count
    return load
