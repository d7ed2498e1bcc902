"""Which faults a seed lets happen, in which histories."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.faults.kinds import BY_DAGSTER, KINDS

# One election bears so many; then all of it is verified, and the next begins.
AT_ONCE = 15
# Dagster counts in every fourth history; a run of its takes longer to begin than a count alone.
DAGSTERS_TURN, AT_ONCE_BY_DAGSTER = 4, 8


@dataclass(frozen=True, slots=True)
class Turn:
    """The faults of one history, and whether Dagster counts in it."""

    kinds: list[str]
    by_dagster: bool

    @property
    def sort(self) -> str:
        """Who counts."""
        return "by Dagster" if self.by_dagster else ""


def drawn(number: int, seed: int) -> list[Turn]:
    """Draw so many faults, in the histories of each sort every kind as often as any other."""
    randomly = random.Random(seed)
    alone, by_dagster = deck(KINDS, randomly), deck(BY_DAGSTER, randomly)
    turns: list[Turn] = []
    while left := number - sum(len(one.kinds) for one in turns):
        if len(turns) % DAGSTERS_TURN == DAGSTERS_TURN - 1:
            turns.append(Turn([next(by_dagster) for _ in range(min(left, AT_ONCE_BY_DAGSTER))], by_dagster=True))
        else:
            turns.append(Turn([next(alone) for _ in range(min(left, AT_ONCE))], by_dagster=False))
    return turns


def deck(kinds: Iterable[str], randomly: random.Random) -> Iterator[str]:
    """Yield kinds for ever: all of them in some order, then all in another."""
    ordered = sorted(kinds)
    while True:
        yield from randomly.sample(ordered, len(ordered))
