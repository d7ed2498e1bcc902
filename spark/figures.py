"""What a run has done so far, and how the count of an election goes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import psycopg

from spark.ledger import Committed
from spark.registry import election_number
from spark.runs import positions
from spark.settings import CountSettings
from spark.topic import LogReader

# The minute before now, of the run that writes now.
_RECENT = """
select
    coalesce(percentile_disc(0.5) within group (order by b.duration_ms), 0),
    coalesce(percentile_disc(0.95) within group (order by b.duration_ms), 0),
    coalesce(sum(b.message_count) / greatest(extract(epoch from clock_timestamp() - min(b.started_at)), 1), 0)
from ledger.batches b
where b.election_number = %(election)s
and b.epoch = (select max(epoch) from ledger.positions where election_number = %(election)s)
and b.started_at > clock_timestamp() - interval '1 minute'
"""

_VERDICTS = """
select coalesce(sum(counted), 0)::bigint, coalesce(sum(rejected), 0)::bigint, coalesce(sum(quarantined), 0)::bigint
from ledger.positions where election_number = %s
"""


@dataclass(frozen=True, slots=True)
class CountFigures:
    """What a run has done. `position` and `log_end` are summed over partitions; the lag is between them."""

    run_id: str
    batches: int = 0
    messages: int = 0
    counted: int = 0
    rejected: int = 0
    quarantined: int = 0
    holes: int = 0
    position: int = 0
    log_end: int = 0
    ended_why: str = ""

    def after(self, committed: Sequence[Committed], position: int) -> Self:
        """Return the figures after one more micro-batch, which took the ledger to `position`."""
        return replace(
            self,
            batches=self.batches + 1,
            messages=self.messages + sum(one.messages for one in committed),
            counted=self.counted + sum(one.counted for one in committed),
            rejected=self.rejected + sum(one.rejected for one in committed),
            quarantined=self.quarantined + sum(one.quarantined for one in committed),
            holes=self.holes + sum(one.holes for one in committed),
            position=position,
            log_end=max(self.log_end, position),
        )


@dataclass(frozen=True, slots=True)
class CountHealth:
    """How the count of an election goes: its ledger beside its log, and the pace of the last minute.

    `position`, `log_end` and `lag` are messages, summed over partitions; `oldest_unjudged_seconds` is the
    time since the broker took the oldest message that waits, 0 where none does.
    """

    position: int
    log_end: int
    lag: int
    counted: int
    rejected: int
    quarantined: int
    messages_per_second: float
    batch_p50_ms: int
    batch_p95_ms: int
    oldest_unjudged_seconds: float


def health_of(run: CountSettings) -> CountHealth:
    """Look at the ledger and the log of a run's election. Raises TransientError where Kafka is away."""
    with psycopg.connect(run.conninfo, autocommit=True) as connection:
        number = election_number(connection, run.election_id)
        # The ledger first: what comes meanwhile can only make the lag larger, never negative.
        judged = {one.partition: one.next_offset for one in positions(connection, number)}
        counted, rejected, quarantined = connection.execute(_VERDICTS, (number,)).fetchone() or (0, 0, 0)
        p50, p95, pace = connection.execute(_RECENT, {"election": number}).fetchone() or (0, 0, 0)
    with LogReader(run.kafka, run.topic) as log:
        ends = {one: end for one, (_, end) in log.starts_and_ends().items()}
        waiting = {one: judged.get(one, 0) for one, end in ends.items() if end > judged.get(one, 0)}
        oldest = _age_of_oldest(log, waiting)
    return CountHealth(
        position=sum(judged.values()),
        log_end=sum(ends.values()),
        lag=sum(ends.values()) - sum(judged.values()),
        counted=counted,
        rejected=rejected,
        quarantined=quarantined,
        messages_per_second=round(float(pace), 1),
        batch_p50_ms=p50,
        batch_p95_ms=p95,
        oldest_unjudged_seconds=oldest,
    )


def _age_of_oldest(log: LogReader, waiting: dict[int, int]) -> float:
    found = [next(log.messages_from(partition, at, at + 1), None) for partition, at in waiting.items()]
    ages = [time.time() - message.timestamp / 1000 for message in found if message]
    return round(max(0.0, *ages), 2) if ages else 0.0
