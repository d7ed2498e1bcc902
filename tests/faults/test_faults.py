"""Claims about a count to which anything may happen: no acknowledged ballot is lost or counted twice, nothing hangs."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest

from tests.faults.history import ended, history
from tests.faults.kinds import KINDS, lacking
from tests.faults.load import election_of
from tests.faults.place import Place, place_of_faults
from tests.support.log import opened

# One election bears so many; then all of it is verified, and the next begins.
AT_ONCE = 15


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Engines of their own, which may be harmed, with marts."""
    with place_of_faults() as made:
        yield made


class Told:
    """What a run of faults tells while it goes: which come, and how long it took until it counted again."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def table(self) -> None:
        """Tell each kind's times, from when all was there again until messages cast after that were counted."""
        width = max(map(len, KINDS))
        self.say(f"{'seconds until it counts again':{width}}  times  median    max")
        for kind, took in sorted(self.seconds.items()):
            self.say(f"{kind:{width}}  {len(took):5}  {median(took):6.1f} {max(took):6.1f}")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[Told]:
    """Tells at once, also where output is captured; the table at the end, also of a failure."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    made = Told(say)
    yield made
    made.table()


def lived_through(place: Place, folder: Path, kinds: list[str], seed: int, told: Told) -> None:
    """Let faults happen to one election, one after the other, and hold its end against all that must be so."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    election = election_of(f"faults-{seed}", closes_at=now + timedelta(hours=3))
    opened(place.settings, election)
    place.back_up("opened")
    with history(place, election, seed, folder) as made:
        made.goes_on(beyond=0)
        for number, kind in enumerate(kinds, 1):
            made.pause(2)
            try:
                KINDS[kind](made)
                beyond = made.log_end()
                told.seconds[kind].append(made.goes_on(beyond))
            except Exception as error:
                raise AssertionError(f"Fault {number} of {kinds} ({kind}): {error}\n{made.last_words()}") from error
        ended(made)


def drawn(number: int, seed: int) -> list[list[str]]:
    """Draw so many faults, every kind as often as any other, in histories of a few each."""
    randomly = random.Random(seed)
    deck: list[str] = []
    while len(deck) < number:
        deck += randomly.sample(sorted(KINDS), len(KINDS))
    return [deck[first : min(first + AT_ONCE, number)] for first in range(0, number, AT_ONCE)]


def live_through(number: int, seed: int, place: Place, tmp_path: Path, told: Told) -> None:
    started = time.monotonic()
    told.say(f"\n{number} faults of seed {seed}: `make faults SEED={seed} FAULTS={number}` lets them happen again.")
    lacks = lacking(place)
    for kind, why in lacks.items():
        told.say(f"{kind} is left out: {why}")
    for turn, kinds in enumerate(drawn(number, seed)):
        folder = tmp_path / str(turn)
        folder.mkdir()
        possible = [kind for kind in kinds if kind not in lacks]
        lived_through(place, folder, possible, seed * 1000 + turn, told)
    told.say(f"{time.monotonic() - started:.0f} s in all.")


def test_five_faults_change_nothing(place: Place, tmp_path: Path, told: Told) -> None:
    live_through(5, 433, place, tmp_path, told)


@pytest.mark.slow
def test_thirty_faults_change_nothing(place: Place, tmp_path: Path, told: Told) -> None:
    live_through(30, 2, place, tmp_path, told)


@pytest.mark.nightly
def test_as_many_faults_as_asked_for_change_nothing(
    place: Place, tmp_path: Path, told: Told, pytestconfig: pytest.Config
) -> None:
    live_through(pytestconfig.getoption("--faults"), pytestconfig.getoption("--seed"), place, tmp_path, told)
