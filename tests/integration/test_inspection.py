"""Claims about inspecting: an auditor sees any message of the log as it is, with its verdict explained."""

import base64
from collections.abc import Callable

import pytest

from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.inspection import inspect_message
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import Message, draft
from tests.support.elections import made_election, roll_of
from tests.support.log import appended, appended_in_transaction, opened

Count = Callable[..., CountFigures]

ELECTION = made_election("inspected", partition_count=1, voters_each=5)
BINARY = b"\xff\x00ballot"


@pytest.fixture(scope="module", autouse=True)
def log(settings: Settings, count_now: Count) -> None:
    """A ballot, the same again, binary, a tombstone, one in a transaction and its marker; 6 is not judged."""
    opened(settings, ELECTION)
    ballot, another, late = (draft(ELECTION, voter).message() for voter in roll_of(ELECTION)[:3])
    appended(settings, "inspected", [ballot, ballot, Message(0, BINARY, BINARY), Message(0, None, None)])
    appended_in_transaction(settings, "inspected", [another], committed=True)
    count_now("inspected")
    appended(settings, "inspected", [late])


def test_a_message_is_shown_with_its_verdict_and_why(settings: Settings) -> None:
    voter = roll_of(ELECTION)[0]
    counted, again = (inspect_message(settings, "inspected", place) for place in ("0:0", "0:1"))
    assert counted.key == voter.voter_id
    assert counted.value == draft(ELECTION, voter).message().value.decode()
    assert (counted.verdict, counted.reason) == ("counted", None)
    assert (again.verdict, again.reason) == ("rejected", Reason.DUPLICATE_DELIVERY)
    assert again.explanation == Reason.DUPLICATE_DELIVERY.sentence
    assert inspect_message(settings, "inspected", "0:4").verdict == "counted"


def test_bytes_that_are_no_text_are_shown_in_base64(settings: Settings) -> None:
    found = inspect_message(settings, "inspected", "0:2")
    assert found.value == found.key == "base64:" + base64.b64encode(BINARY).decode()
    assert found.reason == Reason.MALFORMED
    tombstone = inspect_message(settings, "inspected", "0:3")
    assert (tombstone.key, tombstone.value, tombstone.reason) == (None, None, Reason.MALFORMED)


def test_a_message_that_is_not_judged_yet_says_so(settings: Settings) -> None:
    found = inspect_message(settings, "inspected", "0:6")
    assert (found.verdict, found.reason, found.explanation) == (None, None, "Not judged yet.")


@pytest.mark.parametrize("place", ["0:5", "0:7", "7:0", "0:999999999999999999"])
def test_where_there_is_no_message_the_log_is_said_to_have_none(settings: Settings, place: str) -> None:
    with pytest.raises(PermanentError, match=f"no message at {place}"):
        inspect_message(settings, "inspected", place)


@pytest.mark.parametrize("place", ["", "3", "a:b", "-1:0", "0:-1", "0:0:0", "0:1\n"])
def test_what_is_no_place_is_refused_with_an_example(settings: Settings, place: str) -> None:
    with pytest.raises(PermanentError, match="is not PARTITION:OFFSET, such as 3:1042"):
        inspect_message(settings, "inspected", place)
