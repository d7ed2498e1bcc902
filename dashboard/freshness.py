"""How old what a page shows is, and whether that is old for what is going on.

The figures are of now while a run lives and has judged all it sees in the log; otherwise they age from the last
commit, or from when a run last saw that nothing waits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard.formatting import age, counted
from dashboard.snapshot import Election, Health, Snapshot

AMBER = timedelta(seconds=15)
RED = timedelta(seconds=60)
# What is complete or certified does not grow old.
_AT_REST = ("certified", "unofficial_complete")


class Level(StrEnum):
    """How fresh figures are; the names of Streamlit's colours for them are in `live.py`."""

    NONE = "none"
    AT_REST = "at rest"
    FRESH = "fresh"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Freshness:
    """A level, and a sentence of what is the matter; empty where nothing is."""

    level: Level
    reason: str = ""


def freshness(snapshot: Snapshot, election: Election) -> Freshness:
    """Judge the age of the figures by the database's clock."""
    current_at = _current_at(election, snapshot.health)
    if current_at is None:
        return Freshness(Level.NONE)
    elapsed = snapshot.read_at - current_at
    waits = bool(snapshot.health and snapshot.health.lag_count)
    if election.status in _AT_REST and not waits:
        return Freshness(Level.AT_REST)
    if elapsed < AMBER:
        return Freshness(Level.FRESH)
    return Freshness(Level.RED if elapsed >= RED else Level.AMBER, _reason(snapshot.health, elapsed))


def has_stopped(health: Health | None) -> bool:
    """Tell whether messages wait and nobody counts them."""
    return health is not None and not health.is_running and bool(health.lag_count)


def _current_at(election: Election, health: Health | None) -> datetime | None:
    if election.counted_at is None:
        return None
    if health and health.log_end_at and not health.lag_count:
        return max(election.counted_at, health.log_end_at)
    return election.counted_at


def _reason(health: Health | None, elapsed: timedelta) -> str:
    if health is None:
        return "How the count goes is not known."
    if health.is_running and health.lag_count:
        return f"The count runs, but committed nothing for {age(elapsed)}; {counted(health.lag_count, 'message')} wait."
    if health.is_running:
        return "The count runs, but does not reach the log."
    if health.lag_count:
        return f"The count has stopped while {counted(health.lag_count, 'message')} wait."
    return "The count has ended; what came in since is not known."
