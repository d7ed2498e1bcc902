"""Claims about the benchmarks' arithmetic: what their figures are made of, without engines."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.casting import Cast, Seen
from benchmarks.results import Sample, draw, keep, table
from benchmarks.sizes import ALL, SIZES
from benchmarks.works.mix import with_hot_precinct
from benchmarks.works.surge import lag, peak_and_end
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import generate_election

SAMPLES = [
    Sample("1,000/s", number, {"p50, s": seconds, "rate /s": 12_345.6})
    for number, seconds in enumerate((0.3, 0.1, 0.2))
]


def test_every_work_is_a_module_and_every_size_names_works() -> None:
    works = Path(__file__).parents[2] / "benchmarks" / "works"
    assert {path.stem for path in works.glob("[a-z]*.py")} == set(ALL)
    assert all(set(size.works) <= set(ALL) for size in SIZES.values())


def test_a_ballot_is_seen_with_the_first_answer_that_goes_beyond_it() -> None:
    made = Cast(due=[10.0, 11.0, 12.0], places={0: (0, 5), 1: (1, 0), 2: (0, 6)})
    seen = Seen(times=[10.5, 11.5, 13.0], ends=[{0: 5}, {0: 6, 1: 1}, {0: 7, 1: 1}])
    assert made.seconds_until(seen, after_seconds=0).tolist() == [1.5, 0.5, 1.0]
    assert made.seconds_until(seen, after_seconds=1.5).tolist() == [1.0]
    assert made.is_in(seen)


def test_what_is_not_acknowledged_is_nowhere() -> None:
    made = Cast(due=[10.0, 11.0], places={0: (0, 5)})
    assert not made.is_in(Seen(times=[12.0], ends=[{0: 100}]))
    assert not Cast(due=[10.0], places={0: (0, 5)}).is_in(Seen())


def test_the_lag_is_what_was_due_and_is_not_in_the_ledger() -> None:
    made = Cast(due=[1.0, 2.0, 3.0, 4.0])
    seen = Seen(times=[0.5, 2.5, 4.5, 6.0], ends=[{0: 0}, {0: 1}, {0: 1, 1: 1}, {0: 2, 1: 2}])
    times, ballots = lag(made, seen)
    assert ballots.tolist() == [0, 1, 2, 0]
    assert peak_and_end((times, ballots), started=1.0, over=4.0, up_to_date=0) == {
        "peak lag, ballots": 2,
        "up to date after, s": 2.0,
    }


def test_a_table_has_median_and_range_of_every_case() -> None:
    lines = list(table([*SAMPLES, Sample("100/s", 0, {"p50, s": 0.05})]))
    assert [line.split() for line in lines] == [
        ["1,000/s", "median", "min", "max"],
        ["p50,", "s", "0.20", "0.10", "0.30"],
        ["rate", "/s", "12,346", "12,346", "12,346"],
        ["100/s", "median", "min", "max"],
        ["p50,", "s", "0.05", "0.05", "0.05"],
    ]


def test_a_result_is_kept_with_its_circumstances_and_drawn_beside_it(tmp_path: Path) -> None:
    place = keep("live", "smoke", [*SAMPLES, Sample("100/s", 0, {"p50, s": 0.05, "rate /s": float("nan")})], tmp_path)
    kept = json.loads(place.read_text())
    assert kept["samples"][1] == {"case": "1,000/s", "round": 1, "figures": {"p50, s": 0.1, "rate /s": 12_345.6}}
    assert kept["samples"][3]["figures"] == {"p50, s": 0.05}
    assert kept["machine"]["cores"] >= 1
    picture = draw(place)
    assert picture == place.with_suffix(".svg")
    for word in ("p50, s", "rate /s", "1,000/s"):
        assert word in picture.read_text()


def test_a_hot_precinct_has_half_of_all_and_the_election_stays_whole() -> None:
    plain = generate_election("hot", 3_000, precincts=10)
    hot = with_hot_precinct(plain)
    by_precinct = Counter[str]()
    for one in hot.official_ballots:
        by_precinct[one.precinct_id] += one.ballot_count or 0
    (_, most), *_ = by_precinct.most_common()
    assert len(by_precinct) == 6
    assert most / by_precinct.total() == pytest.approx(0.5, abs=0.1)
    assert hot.voter_count == plain.voter_count
    assert sum(1 for _ in messages(hot)) == by_precinct.total() == sum(1 for _ in messages(plain))


def test_seconds_of_several_partitions_are_each_their_own() -> None:
    made = Cast(due=[0.0] * 4, places={number: (number % 2, number // 2) for number in range(4)})
    seen = Seen(times=[1.0, 2.0, 3.0], ends=[{0: 2}, {0: 2, 1: 1}, {0: 2, 1: 2}])
    assert np.array_equal(made.seconds_until(seen, 0), [1.0, 2.0, 1.0, 3.0])
