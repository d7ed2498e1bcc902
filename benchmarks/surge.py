"""What a burst, and a count that is away, cost: `python -m benchmarks.surge [RATE] [SECONDS]`.

Ballots come in at a rate throughout. For twenty seconds five times as many come; later the count is off for a while
and is started again. The lag is what the log has and the ledger has not.
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.__main__ import RESULTS
from benchmarks.live import POSITIONS, Seen, asking, awaited, cast, counting
from benchmarks.stage import Stage, engines, opened
from election_assets.domain.synthetic import generate_election
from engines import stack

RATE, OFF_SECONDS = 5_000, 120
BURST_TIMES, BURST_SECONDS, CALM_SECONDS = 5, 20, 60
# The lag of a count that is up to date: what comes in between two looks, and during a micro-batch.
_UP_TO_DATE_SECONDS = 1.0
_TURNOUT = 0.7


@dataclass(frozen=True, slots=True)
class Lag:
    """The largest lag, in ballots, since something happened, and the seconds until the count was up to date again."""

    peak: int
    seconds: float


class Night:
    """An election into which ballots come from a thread of its own, faster or slower."""

    def __init__(self, stage: Stage, rate: int, seen: Seen) -> None:
        self._stage = stage
        self._rate = rate
        self._seen = seen
        self._over = threading.Event()
        self.times = 1
        self._pool = ThreadPoolExecutor(1)
        self._casting = self._pool.submit(self._cast)

    def _cast(self) -> None:
        while not self._over.is_set():
            cast(self._stage, self._rate * self.times, 1)

    def end(self) -> None:
        """Cast no more; raise what casting raised."""
        self._over.set()
        self._casting.result()
        self._pool.shutdown()

    def lag(self) -> int:
        """Return how many ballots in the log are not in the ledger, as of the last look."""
        return self._stage.ballot_count - sum(self._seen[-1][1].values())

    def caught_up(self, started: float, peak: int = 0) -> Lag:
        """Wait until the count is up to date."""
        while (lag := self.lag()) > self._rate * _UP_TO_DATE_SECONDS * 2:
            peak = max(peak, lag)
            time.sleep(0.05)
        return Lag(peak, time.monotonic() - started)


def main(rate: int, off_seconds: int) -> None:
    """Measure and print; every ballot must have been counted in the end."""
    seconds = 3 * CALM_SECONDS + BURST_SECONDS * BURST_TIMES + 3 * off_seconds
    election = generate_election("surge", round(rate * seconds / _TURNOUT), contests=3, turnout=_TURNOUT)
    with engines(stack.Size.LAPTOP) as settings:
        stage = opened(settings, election)
        with asking(settings, "auditor", POSITIONS, election_id=election.election_id) as seen:
            with counting(stage):
                first = cast(stage, rate, 1)
                awaited(lambda: first.is_seen(seen))
                night = Night(stage, rate, seen)
                time.sleep(CALM_SECONDS)
                night.times = BURST_TIMES
                time.sleep(BURST_SECONDS)
                night.times = 1
                burst = night.caught_up(time.monotonic(), peak=night.lag())
                time.sleep(CALM_SECONDS)
            time.sleep(off_seconds)
            started = time.monotonic()
            with counting(stage):
                off = night.caught_up(started, peak=night.lag())
                night.end()
                awaited(lambda: night.lag() == 0)
    rows = {f"a burst of {BURST_TIMES} × {rate:,}/s for {BURST_SECONDS} s": burst, f"off for {off_seconds} s": off}
    print(f"{'':44} {'peak lag':>10} {'seconds until up to date':>26}")
    for name, lag in rows.items():
        print(f"{name:44} {lag.peak:10,} {lag.seconds:26.1f}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-surge.json"
    (RESULTS / name).write_text(json.dumps({one: [lag.peak, lag.seconds] for one, lag in rows.items()}, indent=2))


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*(given + [RATE, OFF_SECONDS][len(given) :]))
