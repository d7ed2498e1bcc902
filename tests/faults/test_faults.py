"""Claims about a count to which anything may happen: no acknowledged ballot is lost or counted twice, nothing hangs."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from tests.faults.drawing import Turn, drawn
from tests.faults.history import ended, history
from tests.faults.kinds import BY_DAGSTER, KINDS, lacking
from tests.faults.load import election_of
from tests.faults.place import Place, place_of_faults
from tests.support.log import opened

ALL_KINDS = {**KINDS, **BY_DAGSTER}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Engines of their own, which may be harmed, with marts."""
    with place_of_faults() as made:
        yield made


class Told:
    """What a run of faults tells while it goes: which come, and how long it took until it counted again."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.seconds: dict[tuple[str, str], list[float]] = defaultdict(list)

    def table(self) -> None:
        """Tell each kind's times, from when all was there again until messages cast after that were counted."""
        width = max(map(len, ALL_KINDS))
        self.say(f"{'seconds until it counts again':{width}} {'':10} times  median    max")
        for (sort, kind), took in sorted(self.seconds.items()):
            self.say(f"{kind:{width}} {sort:10} {len(took):5}  {median(took):6.1f} {max(took):6.1f}")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[Told]:
    """Tells at once, also where output is captured; the table at the end, also of a failure."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    made = Told(say)
    yield made
    made.table()


def lived_through(place: Place, folder: Path, turn: Turn, seed: int, told: Told) -> None:
    """Let faults happen to one election, one after the other, and hold its end against all that must be so."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    election = election_of(f"faults-{seed}", closes_at=now + timedelta(hours=3))
    opened(place.settings, election)
    place.back_up("opened")
    with history(place, election, seed, folder, by_dagster=turn.by_dagster) as made:
        made.goes_on(beyond=0)
        for number, kind in enumerate(turn.kinds, 1):
            made.pause(2)
            try:
                ALL_KINDS[kind](made)
                beyond = made.log_end()
                told.seconds[turn.sort, kind].append(made.goes_on(beyond))
            except Exception as error:
                raise AssertionError(f"Fault {number} of {turn} ({kind}): {error}\n{made.last_words()}") from error
        ended(made)


def live_through(turns: list[Turn], seed: int, place: Place, tmp_path: Path, told: Told) -> None:
    started = time.monotonic()
    lacks = lacking(place)
    for kind, why in lacks.items():
        told.say(f"{kind} is left out: {why}")
    for number, turn in enumerate(turns):
        folder = tmp_path / str(number)
        folder.mkdir()
        possible = replace(turn, kinds=[kind for kind in turn.kinds if kind not in lacks])
        lived_through(place, folder, possible, seed * 1000 + number, told)
    told.say(f"{time.monotonic() - started:.0f} s in all.")


def faults(number: int, seed: int, place: Place, tmp_path: Path, told: Told) -> None:
    told.say(f"\n{number} faults of seed {seed}: `make faults SEED={seed} FAULTS={number}` lets them happen again.")
    live_through(drawn(number, seed), seed, place, tmp_path, told)


def test_five_faults_change_nothing(place: Place, tmp_path: Path, told: Told) -> None:
    faults(5, 512, place, tmp_path, told)


@pytest.mark.slow
def test_thirty_faults_change_nothing(place: Place, tmp_path: Path, told: Told) -> None:
    faults(30, 2, place, tmp_path, told)


@pytest.mark.nightly
def test_a_count_of_dagster_goes_on_without_its_run_and_without_its_daemon(
    place: Place, tmp_path: Path, told: Told
) -> None:
    kinds = ["dagster_run_killed", "postgres_clock_jumps", "daemon_killed"]
    live_through([Turn(kinds, by_dagster=True)], 1, place, tmp_path, told)


@pytest.mark.nightly
def test_as_many_faults_as_asked_for_change_nothing(
    place: Place, tmp_path: Path, told: Told, pytestconfig: pytest.Config
) -> None:
    faults(pytestconfig.getoption("--faults"), pytestconfig.getoption("--seed"), place, tmp_path, told)
