"""What a burst, and a count that is off for a while, leave waiting, and how soon that is counted.

Ballots come in at a rate throughout. For a while five times as many come; later the count is off for as long. It is up
to date again when what waits is no more than a second's ballots.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.calibrators import machine
from benchmarks.casting import Cast, Seen, Voters, awaited, committed, counting
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.domain.synthetic import generate_election
from engines import stack

BURST_TIMES = 5
_TURNOUT = 0.7


def measure(size: Size) -> Iterator[Sample]:
    """Measure a burst and an outage, in turn."""
    rate, seconds = size.surge_rate, size.surge_seconds
    voters = round(rate * (BURST_TIMES + 5) * (seconds + 1) / _TURNOUT)
    template = generate_election("surge", voters, turnout=_TURNOUT)
    with engines(stack.Size.LAPTOP) as settings:
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            stage = opened(settings, replace(template, election_id=f"surge-{number}"))
            yield from surged(stage, number, rate, seconds)


def surged(stage: Stage, number: int, rate: int, seconds: int) -> Iterator[Sample]:
    """Let both happen to one election; every ballot of it must have been counted in the end."""
    made, voters = Cast(), Voters(stage)
    with committed(stage) as seen, ThreadPoolExecutor(1) as booth:
        with counting(stage):
            voters.cast(rate, 1, made)
            awaited(lambda: made.is_in(seen))
            voters.cast(rate, seconds, made)
            burst_at = time.monotonic()
            voters.cast(rate * BURST_TIMES, seconds, made)
            calm_at = time.monotonic()
            voters.cast(rate, seconds, made)
            awaited(lambda: made.is_in(seen))
        off_at = time.monotonic()
        voters.cast(rate, seconds, made)
        on_at = time.monotonic()
        casting = booth.submit(voters.cast, rate, 2 * seconds, made)
        with counting(stage):
            casting.result()
            awaited(lambda: made.is_in(seen))
    waiting = lag(made, seen)
    for case, started, over in (
        (f"{BURST_TIMES} × {rate:,}/s for {seconds} s", burst_at, calm_at),
        (f"off for {seconds} s at {rate:,}/s", off_at, on_at),
    ):
        yield Sample(case, number, {**peak_and_end(waiting, started, over, up_to_date=rate)})


def lag(made: Cast, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Return the moments at which was looked, and how many ballots waited then: due, and not in the ledger."""
    times = np.array(seen.times)
    return times, np.searchsorted(np.array(made.due), times, side="right") - seen.position()


def peak_and_end(
    waiting: tuple[np.ndarray, np.ndarray], started: float, over: float, up_to_date: int
) -> dict[str, float]:
    """Return the most that waited from `started` on, and the seconds from `over` until it was no more than wanted."""
    times, ballots = waiting
    after = times >= over
    caught_up = times[after][np.argmax(ballots[after] <= up_to_date)]
    peak = ballots[(times >= started) & (times <= caught_up)].max()
    return {"peak lag, ballots": float(peak), "up to date after, s": float(caught_up - over)}
