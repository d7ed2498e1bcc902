"""How soon a ballot that is cast is in the ledger, and in a mart.

An open loop: each ballot has its moment, whatever became of those before it, and is timed from then on. A reader asks
for the turnout every 50 ms, as a page does; a ballot is visible when an answer that has it is there.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psycopg

from benchmarks.calibrators import machine
from benchmarks.casting import Voters, awaited, committed, counting, visible
from benchmarks.processes import watched
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.dbt import build_marts
from election_assets.domain.synthetic import generate_election
from election_assets.settings import Settings
from engines import stack
from engines.home import Home

# What is cast in the first of them warms the JVM's compiler, and is not timed.
_WARM_UP_SECONDS = 20
_TURNOUT = 0.7
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_BATCHES = (
    "select extract(epoch from started_at)::float8, duration_ms / 1000.0::float8, counted from ledger.batches"
    " join registry.elections using (election_number) where election_id = %s order by batch_number"
)


def measure(size: Size) -> Iterator[Sample]:
    """Cast at each rate, in turn, each into an election of its own."""
    with engines(stack.Size.LAPTOP) as settings:
        build_marts(settings)
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            for rate in size.live_rates:
                yield Sample(
                    f"{rate:,}/s", number, watched_live(settings, f"live-{rate}-{number}", rate, size.live_seconds)
                )


def watched_live(settings: Settings, election_id: str, rate: int, seconds: int) -> dict[str, float]:
    """Cast at a rate for so long after the warm-up, and time it; all of it must have been counted in the end."""
    seconds += _WARM_UP_SECONDS
    voters = round(rate * (seconds + 1) / _TURNOUT) + 100
    election = replace(generate_election("live", voters, turnout=_TURNOUT), election_id=election_id)
    stage = opened(settings, election)
    citizens = Voters(stage)
    with counting(stage) as process:
        # The first ballots show that the count has begun.
        with committed(stage) as seen:
            first = citizens.cast(rate, 1)
            awaited(lambda: first.is_in(seen))
        servers = {one.name: one.pid for one in stack.status(Home(settings.home)) if one.pid}
        with (
            watched({**servers, "count": process.pid}) as usage,
            committed(stage) as in_ledger,
            visible(stage) as in_mart,
        ):
            made = citizens.cast(rate, seconds)
            awaited(lambda: made.is_in(in_ledger) and made.is_in(in_mart))
    until = {
        "committed": made.seconds_until(in_ledger, _WARM_UP_SECONDS),
        "visible": made.seconds_until(in_mart, _WARM_UP_SECONDS),
    }
    return {
        **{
            f"cast → {name} {share}, s": float(np.quantile(seconds, quantile))
            for name, seconds in until.items()
            for share, quantile in _SHARES.items()
        },
        **batches_of(stage),
        **usage.figures(len(made.due)),
    }


def batches_of(stage: Stage) -> dict[str, float]:
    """Return how long micro-batches took after the warm-up, and the longest pause between two commits."""
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(_BATCHES, (stage.election.election_id,)).fetchall()
    starts, lengths, counted = np.array(rows, dtype=float).T
    if counted.sum() != stage.ballot_count:
        raise RuntimeError(
            f"{counted.sum():,.0f} of {stage.ballot_count:,} ballots were counted: these times are void."
        )
    warm = starts - starts[0] > _WARM_UP_SECONDS
    ends = (starts + lengths)[warm]
    return {
        "batch p50, s": float(np.quantile(lengths[warm], 0.5)),
        "batch p95, s": float(np.quantile(lengths[warm], 0.95)),
        "batch max, s": float(lengths[warm].max()),
        "longest pause between commits, s": float(np.diff(ends).max()),
    }
