"""The memory that each process has, idle and with ballots coming in.

Shared pages are divided among those that share them. The web pages, which are no part of the count, are not running.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from benchmarks.casting import Voters, awaited, committed, counting
from benchmarks.processes import Usage, watched
from benchmarks.results import Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.domain.synthetic import generate_election
from engines import stack
from engines.home import Home

_SECONDS = 20
_TURNOUT = 0.7


def measure(size: Size) -> Iterator[Sample]:
    """Let engines and count idle, then let ballots come in, for twenty seconds each."""
    voters = round(size.foot_rate * (_SECONDS + 2) / _TURNOUT)
    template = generate_election("foot", voters, turnout=_TURNOUT)
    with engines(stack.Size.LAPTOP) as settings:
        for number in range(size.rounds):
            stage = opened(settings, replace(template, election_id=f"foot-{number}"))
            citizens = Voters(stage)
            with counting(stage) as process, committed(stage) as seen:
                first = citizens.cast(size.foot_rate, 1)
                awaited(partial(first.is_in, seen))
                with watched(_roots(stage, process.pid)) as idle:
                    time.sleep(_SECONDS)
                yield Sample("idle", number, _memory(idle))
                with watched(_roots(stage, process.pid)) as busy:
                    made = citizens.cast(size.foot_rate, _SECONDS)
                    awaited(partial(made.is_in, seen))
                yield Sample(f"{size.foot_rate:,}/s", number, _memory(busy))


def _roots(stage: Stage, count: int) -> dict[str, int]:
    return {one.name: one.pid for one in stack.status(Home(stage.settings.home)) if one.pid} | {"count": count}


def _memory(usage: Usage) -> dict[str, float]:
    return {
        "MiB": sum(usage.peak_mib.values()),
        **{f"MiB: {kind}": mib for kind, mib in sorted(usage.peak_mib.items())},
        **{f"cores: {kind}": seconds / _SECONDS for kind, seconds in sorted(usage.cpu_seconds.items())},
    }
