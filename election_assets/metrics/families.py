"""The metrics by name: what each one tells, and how it is made of what was read.

Names follow Prometheus: base units, `_total` for what only grows, times as seconds since 1970. The one label that is
not a fixed set of words is `election_id`, of which there are as many as elections.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from election_assets.metrics.reading import ElectionFigures, UncountedFigures

Samples = Iterable[tuple[tuple[str, ...], float | None]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read last: `elections` and `log_ends` are None where Postgres and Kafka were away."""

    elections: tuple[ElectionFigures, ...] | None = None
    uncounted: tuple[UncountedFigures, ...] = ()
    log_ends: Mapping[str, int] | None = None
    read_at: float | None = None
    errors: Mapping[str, int] = field(default_factory=lambda: {"postgres": 0, "kafka": 0})


# name, what it tells, its figure
_GAUGES: tuple[tuple[str, str, Callable[[ElectionFigures], float | None]], ...] = (
    (
        "election_polls_open",
        "Whether the polls are open now (0 or 1); absent for an election without hours.",
        lambda one: one.is_within_hours,
    ),
    ("election_count_running", "Whether a run of the count is alive (0 or 1).", lambda one: one.is_running),
    ("election_count_failed", "Whether the latest run of the count failed (0 or 1).", lambda one: one.has_failed),
    ("election_position_messages", "Messages of the log that are judged, holes included.", lambda one: one.position),
    ("election_recount", "How often the ledger was emptied and the log judged again.", lambda one: one.recount),
    ("election_committed_timestamp_seconds", "When the count last committed.", lambda one: one.counted_at),
    (
        "election_newest_ballot_timestamp_seconds",
        "When the log took the newest message that is judged.",
        lambda one: one.newest_ballot_at,
    ),
    (
        "election_history_timestamp_seconds",
        "The latest moment that the history of the results has.",
        lambda one: one.history_at,
    ),
    (
        "election_verified_timestamp_seconds",
        "When the log was last recounted independently.",
        lambda one: one.verified_at,
    ),
    (
        "election_verified_position_messages",
        "Up to which position it was recounted.",
        lambda one: one.verified_position,
    ),
    (
        "election_verified",
        "Whether that recount came to the ledger's figures (0 or 1).",
        lambda one: one.is_verified,
    ),
)


def families(reading: Reading) -> Iterator[Metric]:
    """Yield every metric; one whose source was away has no samples."""
    yield GaugeMetricFamily("election_up", "Whether the marts could be read (0 or 1).", reading.elections is not None)
    yield GaugeMetricFamily(
        "election_log_up", "Whether the ends of the logs could be read (0 or 1).", reading.log_ends is not None
    )
    yield _counter(
        "election_read_errors_total",
        "Times that Postgres or Kafka could not be read.",
        ("source",),
        (((source,), count) for source, count in reading.errors.items()),
    )
    yield _gauge("election_read_timestamp_seconds", "When the marts were last read.", (), [((), reading.read_at)])
    elections = reading.elections or ()
    for name, told, figure in _GAUGES:
        samples = [((one.election_id,), figure(one)) for one in elections]
        yield _gauge(name, told, ("election_id",), samples)
    yield _gauge(
        "election_batch_duration_seconds",
        "Duration of the micro-batches in the minute before the last one.",
        ("election_id", "quantile"),
        (
            ((one.election_id, quantile), seconds)
            for one in elections
            for quantile, seconds in (("0.5", one.batch_p50_seconds), ("0.95", one.batch_p95_seconds))
        ),
    )
    yield from _of_logs(elections, reading.log_ends or {})
    yield from _of_verdicts(elections, reading.uncounted)


def _of_logs(elections: tuple[ElectionFigures, ...], ends: Mapping[str, int]) -> Iterator[Metric]:
    """Tell of the logs themselves: what a run saw of them grows old when nobody counts."""
    logs = [(one, ends[one.election_id]) for one in elections if one.election_id in ends]
    yield _gauge(
        "election_log_end_messages",
        "The end of the log, added up over its partitions.",
        ("election_id",),
        (((one.election_id,), end) for one, end in logs),
    )
    yield _gauge(
        "election_lag_messages",
        "Messages of the log that are not judged yet.",
        ("election_id",),
        (((one.election_id,), end - one.position) for one, end in logs),
    )


def _of_verdicts(elections: tuple[ElectionFigures, ...], uncounted: tuple[UncountedFigures, ...]) -> Iterator[Metric]:
    yield _counter(
        "election_judged_messages_total",
        "Messages of the log by verdict: counted, rejected or quarantined. A reset starts again at 0.",
        ("election_id", "verdict"),
        (
            ((one.election_id, verdict), count)
            for one in elections
            for verdict, count in (
                ("counted", one.counted_count),
                ("rejected", one.rejected_count),
                ("quarantined", one.quarantined_count),
            )
        ),
    )
    yield _counter(
        "election_uncounted_messages_total",
        "Messages that are not counted, by reason.",
        ("election_id", "verdict", "reason"),
        (((one.election_id, one.verdict, one.reason), one.message_count) for one in uncounted),
    )
    yield _counter(
        "election_holes_total",
        "Offsets of the log that hold no message, such as transaction markers.",
        ("election_id",),
        (((one.election_id,), one.hole_count) for one in elections),
    )


def _gauge(name: str, told: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, told, labels=labels), samples)


def _counter(name: str, told: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(name, told, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for labels, figure in samples:
        if figure is not None:
            family.add_metric(labels, figure)
    return family
