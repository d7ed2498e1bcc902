"""The benchmarks' command: `python -m benchmarks [SIZE] [WORK …]`.

Each work prints a table, and leaves a JSON file and its picture in `.election/benchmarks`.
"""

import argparse
import time
from importlib import import_module

from benchmarks.results import Sample, draw, keep, table
from benchmarks.sizes import ALL, SIZES


def main() -> None:
    """Measure the works that are named, or those of the size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("size", nargs="?", choices=SIZES, default="smoke")
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"one of {', '.join(ALL)}; default: the size's")
    given = parser.parse_args()
    if unknown := set(given.works) - set(ALL):
        parser.error(f"no work is called {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    size = SIZES[given.size]
    for work in given.works or size.works:
        samples: list[Sample] = []
        started = time.monotonic()
        for sample in import_module(f"benchmarks.works.{work}").measure(size):
            samples.append(sample)
            print(f"{work}, round {sample.round + 1}: {sample.case}", flush=True)
        result = keep(work, given.size, samples)
        print(f"\n{work}, {size.rounds} rounds in {time.monotonic() - started:,.0f} s; kept in {result}")
        print("\n".join(table(samples)), end="\n\n", flush=True)
        draw(result)


if __name__ == "__main__":
    main()
