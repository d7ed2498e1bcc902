"""The comparison's command: `python -m benchmarks.peers [BALLOTS] [ROUNDS]` prints a table and keeps one JSON file.

Every round lets the count and each of the others count the same log, one after the other. Whose totals are not exactly
the expected ones has no time in that round.
"""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.__main__ import RESULTS, drain
from benchmarks.peers.load import Load, send
from benchmarks.peers.running import PEERS, Peer, Run, flaw_of, install, keep_roll, run
from benchmarks.stage import Stage, staged
from election_assets.counting import reset_election
from engines.errors import EnginesError

BALLOTS = 1_000_000
ROUNDS = 5
OURS = "the count"
_COSTS = ("cpu_us", "peak_mib")


def installed() -> Iterator[tuple[Peer, Path]]:
    """Install each of the others, and leave out with a sentence what cannot be."""
    for peer in PEERS:
        try:
            yield peer, install(peer)
        except (subprocess.CalledProcessError, EnginesError) as error:
            print(f"{peer.title} is left out, since {', '.join(peer.requirements())} did not install: {error}")


def counted(stage: Stage, load: Load) -> Run:
    """Let our own count have its turn, and empty the ledger after it."""
    figures, usage = drain(stage)
    totals = "select contest_id, candidate_id, precinct_id, method, vote_count from ledger.tallies_added_up"
    flaw = flaw_of(stage.settings.conninfo("owner"), totals, load.totals())
    reset_election(stage.settings, stage.election.election_id)
    return Run(
        warm=figures["warm"],
        whole=figures["whole"],
        cpu_us=sum(usage.cpu_seconds.values()) / stage.ballot_count * 1e6,
        peak_mib=sum(mib for kind, mib in usage.peak_mib.items() if kind.startswith("count")),
        flaw=flaw,
    )


def show(measured: dict[str, list[Run]]) -> None:
    """Print medians, ranges, and how many times as many messages the count judges in the same round."""
    costs = f"{'CPU µs':>7} {'MiB':>6}"
    print(f"{'messages/s':24} {'warm':>28} {'ours ÷ it':>10} {'with start-up':>28} {'ours ÷ it':>10} {costs}")
    for title, runs in measured.items():
        figures = [_figure(runs, name, measured[OURS]) for name in ("warm", "whole")]
        right = [one for one in runs if not one.flaw]
        cpu, memory = (statistics.median(getattr(one, name) for one in right) if right else math.nan for name in _COSTS)
        print(f"{title:24} {' '.join(figures)} {cpu:7.1f} {memory:6,.0f}")
    for title, runs in measured.items():
        flaws = [one.flaw for one in runs if one.flaw]
        if flaws:
            print(f"{title}: {len(flaws)} of {len(runs)} runs failed: {flaws[0]}")


def _figure(runs: list[Run], name: str, ours: list[Run]) -> str:
    rounds = zip(runs, ours, strict=True)
    pairs = [(getattr(one, name), getattr(our, name)) for one, our in rounds if not one.flaw and not our.flaw]
    if not pairs:
        return f"{'-':>28} {'-':>10}"
    rates = [rate for rate, _ in pairs]
    ratio = statistics.median(our / rate for rate, our in pairs)
    return f"{f'{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})':>28} {ratio:10.2f}"


def main(ballots: int, rounds: int) -> None:
    """Measure and print."""
    peers = list(installed())
    with staged(ballots) as stage:
        load = send(stage)
        keep_roll(stage)
        print(
            f"{stage.ballot_count:,} messages, of which {stage.uncounted_count:,} sent again, second or strangers',"
            f" of {stage.election.voter_count:,} voters, 3 contests; {rounds} rounds",
            flush=True,
        )
        measured: dict[str, list[Run]] = {}
        for number in range(rounds):
            measured.setdefault(OURS, []).append(counted(stage, load))
            for peer, python in peers:
                expected = load.totals(with_strangers=not peer.asks_roll)
                measured.setdefault(peer.title, []).append(run(peer, stage, expected, python))
            print(f"round {number + 1}", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept = {
        "messages": stage.ballot_count,
        "versions": {peer.title: peer.requirements() for peer, _ in peers},
        "measured": {title: [asdict(one) for one in runs] for title, runs in measured.items()},
    }
    (RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-peers.json").write_text(json.dumps(kept, indent=2))
    show(measured)


if __name__ == "__main__":
    given = [int(one.replace("_", "")) for one in sys.argv[1:]]
    main(*given, *(BALLOTS, ROUNDS)[len(given) :])
