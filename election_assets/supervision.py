"""Which elections need a count now: decided from what is, never from what was asked for before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import psycopg

from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings
from spark.runs import DEAD_AFTER_SECONDS
from spark.topic import log_ends

# A run worker is up after 5 s on an idle machine; one that is not there after a minute will not come.
START_SECONDS = 60.0
# The wait after n failures in a row, in seconds; what engines being away costs stays well below a minute.
_WAITS = (0.0, 2.0, 5.0, 10.0, 15.0)

_OPEN = """
select e.election_id, coalesce(p.position, 0), r.run_id, r.silent_seconds, r.is_ended
from registry.elections e
left join (select election_number, sum(next_offset)::bigint as position from ledger.positions group by 1) p
    using (election_number)
left join (
    select distinct on (election_number) election_number, run_id, ended_at is not null as is_ended,
        extract(epoch from clock_timestamp() - coalesce(ended_at, heartbeat_at))::float as silent_seconds
    from ledger.count_runs order by election_number, epoch desc
) r using (election_number)
where e.opened_at is not null
order by e.election_id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """An open election: its lag in messages, and the last run of its count as the ledger knows it.

    `silent_seconds` is the time since that run's last heartbeat, or since its end; below zero where the database's
    clock was put back since.
    """

    election_id: str
    position: int
    lag: int
    run_id: str | None
    silent_seconds: float
    is_ended: bool

    @property
    def is_counted(self) -> bool:
        """Tell whether a run is alive and counting it."""
        return self.run_id is not None and not self.is_ended and abs(self.silent_seconds) <= DEAD_AFTER_SECONDS


class Phase(StrEnum):
    """Where a Dagster run that counts is."""

    QUEUED = "queued"
    STARTING = "starting"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class RunUnderWay:
    """A Dagster run of an election's count that has not ended.

    `worker_is_alive` is None where its process is not known yet; `seconds` is the time since its last change.
    """

    run_id: str
    phase: Phase
    seconds: float
    worker_is_alive: bool | None


@dataclass(frozen=True, slots=True)
class Failures:
    """The count's last Dagster runs that failed, in a row; `refusal` is why the latest was refused, if it was."""

    count: int = 0
    seconds_since: float = 0.0
    refusal: str | None = None

    def refused(self, refusal: str | None) -> Self:
        """Return the same failures with what refuses now; without a refusal nothing is waited for."""
        return replace(self, count=self.count if refusal else 0, refusal=refusal)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done about an election, and why: `starts` a count, `replaces` the runs that are dead."""

    election_id: str
    why: str
    starts: bool = False
    replaces: Sequence[str] = ()


def standings(settings: Settings) -> list[Standing]:
    """Return how all open elections stand. Raises TransientError where Kafka is away."""
    with psycopg.connect(settings.conninfo("counter"), autocommit=True) as connection:
        # The ledger before the log: what comes meanwhile can only make the lag larger, never negative.
        rows = connection.execute(_OPEN).fetchall()
    topics = {row[0]: votes_topic_of(row[0], settings.votes_topic) for row in rows}
    ends = log_ends(settings.kafka, topics.values()) if topics else {}
    return [
        Standing(election_id, position, ends.get(topics[election_id], 0) - position, run_id, silent or 0.0, bool(ended))
        for election_id, position, run_id, silent, ended in rows
    ]


def decide(standing: Standing, under_way: Sequence[RunUnderWay], failures: Failures) -> Decision:
    """Decide about one election; `failures.refusal` is only given while it still holds."""
    election_id = standing.election_id
    if standing.lag == 0:
        return Decision(election_id, "all messages are judged")
    waiting = f"{standing.lag:,} messages wait"
    if standing.is_counted:
        return Decision(election_id, f"{waiting}; run {standing.run_id} is counting")
    dead = [run.run_id for run in under_way if _is_dead(run, standing)]
    for run in under_way:
        if run.run_id not in dead:
            return Decision(election_id, f"{waiting}; run {run.run_id} is {run.phase}")
    if dead:
        return Decision(election_id, f"{waiting}; the run that counted is dead", starts=True, replaces=dead)
    if failures.refusal:
        return Decision(election_id, f"{waiting}; the count refuses: {failures.refusal}")
    wait = _WAITS[min(failures.count, len(_WAITS) - 1)]
    if failures.seconds_since < wait and failures.count:
        return Decision(election_id, f"{waiting}; {failures.count} counts failed, the next starts within {wait:g} s")
    return Decision(election_id, waiting, starts=True)


def _is_dead(run: RunUnderWay, standing: Standing) -> bool:
    """Tell whether a run will do nothing any more: its process is gone, never came, or is silent."""
    if run.phase is Phase.QUEUED:
        return False
    began_and_fell_silent = run.run_id == standing.run_id and not standing.is_ended
    never_came = run.worker_is_alive is None and run.phase is Phase.STARTING and run.seconds > START_SECONDS
    return run.worker_is_alive is False or began_and_fell_silent or never_came
