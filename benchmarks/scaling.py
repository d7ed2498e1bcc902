"""What more workers and more partitions cost: `python -m benchmarks.scaling` prints a table and keeps it as JSON.

On one machine no more is done by more workers, since they share its cores. What scales is seen in the CPU per ballot:
where it stays the same with one, two and three workers, workers of their own cores count as many times the ballots.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.__main__ import RESULTS, drain
from benchmarks.stage import Stage, engines, opened
from election_assets.counting import reset_election
from election_assets.domain.synthetic import generate_election
from engines.stack import Size

WORKERS = (1, 2, 3)
PARTITIONS = (2, 4, 8, 16)
_TURNOUT = 0.7


def measured(stage: Stage, workers: int) -> dict[str, float]:
    """Count all of it on so many workers, one core each, from an empty ledger."""
    # The master spreads cores over its workers.
    figures, usage = drain(replace(stage, environment={**stage.environment, "ELECTION_SPARK_CORES": str(workers)}))
    reset_election(stage.settings, stage.election.election_id)
    cpu = {kind: seconds / stage.ballot_count * 1e6 for kind, seconds in usage.cpu_seconds.items()}
    spark = sum(value for kind, value in cpu.items() if kind.startswith(("count", "spark")))
    return {**figures, "cpu_us": sum(cpu.values()), "spark_cpu_us": spark}


def main(ballots: int) -> None:
    """Measure each number of workers with each number of partitions."""
    template = generate_election("bench", round(ballots / _TURNOUT), contests=3, turnout=_TURNOUT)
    rows = []
    print(f"{'partitions':>10} {'workers':>8} {'warm/s':>10} {'whole/s':>10} {'CPU µs/ballot':>14} {'Spark alone':>12}")
    with engines(Size.CLUSTER) as settings:
        for partitions in PARTITIONS:
            stage = opened(settings, replace(template, election_id=f"bench-{partitions}", partition_count=partitions))
            stage.send()
            # The first count of an election also keeps its roll for the others.
            measured(stage, max(WORKERS))
            for workers in WORKERS:
                row = {"partitions": partitions, "workers": workers, **measured(stage, workers)}
                rows.append(row)
                print(
                    f"{partitions:10} {workers:8} {row['warm']:10,.0f} {row['whole']:10,.0f}"
                    f" {row['cpu_us']:14.1f} {row['spark_cpu_us']:12.1f}",
                    flush=True,
                )
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-scaling.json"
    (RESULTS / name).write_text(json.dumps({"ballots": ballots, "measured": rows}, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
