"""What more workers and more partitions cost.

On one machine no more is done by more workers, since they share its cores. What scales is seen in the CPU per ballot:
where it stays the same with one, two and three workers, workers of their own cores count as many times the ballots.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.calibrators import machine
from benchmarks.load import send
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import engines, opened
from benchmarks.works.drain import drained, emptied
from election_assets.domain.synthetic import generate_election
from engines import stack

WORKERS = (1, 2, 3)
PARTITIONS = (2, 4, 8, 16)
_TURNOUT = 0.7


def measure(size: Size) -> Iterator[Sample]:
    """Measure each number of workers with each number of partitions, in turn."""
    template = generate_election("scaling", round(size.scaling / _TURNOUT), turnout=_TURNOUT)
    with engines(stack.Size.CLUSTER) as settings:
        stages = {}
        for partitions in PARTITIONS:
            election = replace(template, election_id=f"scaling-{partitions}", partition_count=partitions)
            stage = opened(settings, election)
            stages[partitions] = stage, send(stage)
        for number in range(size.rounds):
            yield Sample(CALIBRATORS, number, machine())
            for partitions, (stage, load) in stages.items():
                for workers in WORKERS:
                    # The master spreads cores over its workers.
                    environment = {**stage.environment, "ELECTION_SPARK_CORES": str(workers)}
                    figures = drained(replace(stage, environment=environment), load)
                    emptied(stage)
                    yield Sample(f"{partitions} partitions, {workers} workers", number, figures)
