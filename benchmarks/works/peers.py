"""The same job by the count and by what people would use instead, one after the other on the same log.

Whose totals are not exactly the expected ones has no time in that round.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.calibrators import machine
from benchmarks.load import send
from benchmarks.peers.running import PEERS, Peer, install, keep_roll, run
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import engines, opened
from benchmarks.works.drain import TURNOUT, drained, emptied
from election_assets.domain.synthetic import generate_election
from engines import stack
from engines.errors import EnginesError

_RATES = ("warm /s", "whole /s")


def measure(size: Size) -> Iterator[Sample]:
    """Let the count and each of the others have their turn, round by round."""
    peers = list(_installed())
    election = generate_election("peers", round(size.peers / TURNOUT), turnout=TURNOUT)
    with engines(stack.Size.LAPTOP) as settings:
        stage = opened(settings, election)
        load = send(stage)
        keep_roll(stage)
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            ours = drained(stage, load)
            emptied(stage)
            yield Sample("the count", number, _comparable(ours))
            for peer, python in peers:
                found = run(peer, stage, load.totals(with_strangers=not peer.asks_roll), python)
                if found.flaw:
                    print(f"{peer.title}, round {number + 1}: {found.flaw}", flush=True)
                    yield Sample(peer.title, number, {"failed": 1.0})
                    continue
                ratios = {f"the count ÷ it, {name}": ours[name] / found.figures[name] for name in _RATES}
                yield Sample(peer.title, number, found.figures | ratios)


def _installed() -> Iterator[tuple[Peer, Path]]:
    """Install each of the others, and leave out with a sentence what cannot be."""
    for peer in PEERS:
        try:
            yield peer, install(peer)
        except (subprocess.CalledProcessError, EnginesError) as error:
            print(f"{peer.title} is left out, since {', '.join(peer.requirements())} did not install: {error}")


def _comparable(figures: dict[str, float]) -> dict[str, float]:
    """Return what is known of the others too: the CPU of all processes, the memory of the program alone."""
    peak = sum(mib for name, mib in figures.items() if name.startswith("peak MiB: count"))
    return {name: figures[name] for name in (*_RATES, "CPU µs/ballot")} | {"peak MiB": peak}
