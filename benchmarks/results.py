"""What was measured: kept as one JSON file per run, shown as a table, drawn as an SVG."""

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import altair
import pandas
import psutil

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / ".election" / "benchmarks"

CALIBRATORS = "calibrators"
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of one case came to: figure, with its unit in its name, → value."""

    case: str
    round: int
    figures: dict[str, float]


def keep(work: str, size: str, samples: Sequence[Sample], folder: Path = RESULTS) -> Path:
    """Write samples as JSON, with the machine and the commit they are of; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{work}-{size}.json"
    kept = {"work": work, "size": size, **_circumstances(), "samples": [_spelled_out(one) for one in samples]}
    place.write_text(json.dumps(kept, indent=2), encoding="utf-8")
    return place


def _spelled_out(sample: Sample) -> dict[str, object]:
    """Return a sample for JSON, which has no word for what could not be measured."""
    return asdict(sample) | {"figures": {name: one for name, one in sample.figures.items() if math.isfinite(one)}}


def _circumstances() -> dict[str, object]:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commit": said.stdout.strip() or None,
        "machine": {
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        },
    }


def table(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield lines: each case with the median and the range of each of its figures over the rounds."""
    width = max(len(name) for sample in samples for name in sample.figures) + 2
    for case in dict.fromkeys(sample.case for sample in samples):
        rounds = [sample.figures for sample in samples if sample.case == case]
        yield f"{case:{width}} {'median':>12} {'min':>12} {'max':>12}"
        for name in dict.fromkeys(name for figures in rounds for name in figures):
            values = [figures[name] for figures in rounds if name in figures]
            spelled = " ".join(f"{_spelled(of(values)):>12}" for of in (statistics.median, min, max))
            yield f"  {name:{width - 2}} {spelled}"


def _spelled(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}"


def draw(result: Path) -> Path:
    """Draw a kept result beside it: a panel for each figure, a point for each round, a bar at the median."""
    kept = json.loads(result.read_text(encoding="utf-8"))
    rows = pandas.DataFrame(
        [
            {"case": sample["case"], "figure": name, "value": value}
            for sample in kept["samples"]
            for name, value in sample["figures"].items()
        ]
    )
    cases = altair.Y("case:N", sort=list(dict.fromkeys(rows["case"])), title=None)
    rounds = altair.Chart().mark_point(filled=True, opacity=0.5).encode(x=altair.X("value:Q", title=None), y=cases)
    median = altair.Chart().mark_tick(thickness=3, color="black").encode(x="median(value):Q", y=cases)
    figures = list(dict.fromkeys(rows["figure"]))
    chart = (
        altair.layer(rounds, median, data=rows)
        .properties(width=240)
        .facet(altair.Facet("figure:N", sort=figures, title=None), columns=_COLUMNS)
        .resolve_scale(x="independent", y="independent")
        .properties(title=f"{kept['work']}, {kept['size']}, {kept['measured_at']}, {kept['machine']['cores']} cores")
    )
    place = result.with_suffix(".svg")
    chart.save(place)
    return place
