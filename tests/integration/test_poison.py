"""The claim about a batch that kills its worker: it is tried again smaller, down to the message, and not for ever."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from election_assets.settings import PROJECT, Settings
from spark.figures import CountFigures
from spark.ledger import Stretch, halves
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import broken_rules, ledger_of, positions_of
from tests.support.log import appended, opened
from tests.support.running import counting_process

Count = Callable[..., CountFigures]

POISON = Path(__file__).parents[1] / "support" / "poison"


@pytest.mark.parametrize("lengths", [(1,), (2,), (7,), (1, 1), (0, 5, 0), (3, 0, 8, 1)])
def test_halves_hold_each_offset_once_and_end(lengths: tuple[int, ...]) -> None:
    def offsets(stretches: "list[Stretch] | tuple[Stretch, ...]") -> list[tuple[int, int]]:
        return [(one.partition, offset) for one in stretches for offset in range(one.start, one.end)]

    def all_the_way(stretches: list[Stretch]) -> list[tuple[int, int]]:
        parts = halves(stretches)
        return [place for part in parts for place in all_the_way(list(part))] if parts else offsets(stretches)

    whole = [Stretch(partition, 10, 10 + length) for partition, length in enumerate(lengths)]
    assert all_the_way(whole) == offsets(whole)


def last_words_of_a_count(environment: Mapping[str, str], election_id: str) -> str:
    with counting_process(environment, election_id, 1_000) as process:
        _, said = process.communicate(timeout=180)
    return said.decode().splitlines()[-1]


@pytest.mark.slow
def test_a_message_that_kills_its_worker_is_named_and_all_others_before_it_are_counted(
    settings: Settings, environment: Mapping[str, str], count_now: Count
) -> None:
    election = made_election("poison")
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    places = appended(settings, "poison", ballots)
    poison = 120
    partition, offset = places[poison]
    poisoned = {**environment, "PYTHONPATH": f"{POISON}:{PROJECT}", "POISON": (ballots[poison].key or b"").decode()}
    told = last_words_of_a_count(poisoned, "poison")
    assert f"A worker dies of message {partition}:{offset} whenever it judges it" in told
    assert f"`election inspect poison {partition}:{offset}` shows the message" in told
    stands = {row[0]: row[1] for row in ledger_of(settings, "poison")["positions"]}
    assert stands[partition] == offset
    assert broken_rules(settings, "poison") == []
    # With the message mended (here: without the poison) the count goes on from there.
    count_now("poison")
    assert positions_of(settings, "poison")["counted"] == len(ballots)


@pytest.mark.slow
def test_a_worker_that_finds_no_room_blames_no_message(
    settings: Settings, environment: Mapping[str, str], count_now: Count
) -> None:
    election = made_election("no-room", voters_each=2)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended(settings, "no-room", ballots)
    key = (ballots[0].key or b"").decode()
    full = {**environment, "PYTHONPATH": f"{POISON}:{PROJECT}", "POISON": key, "FULL_DISK": "yes"}
    told = last_words_of_a_count(full, "no-room")
    assert "TransientError" in told
    assert "No space left on device" in told
    count_now("no-room")
    assert positions_of(settings, "no-room")["counted"] == len(ballots)
