"""Claims about verdicts on real engines: every message gets the one that DESIGN §4 names, and none stops the count."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from election_assets.domain.verdict import Reason
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support import spellings
from tests.support.ballots import FAULTS, Draft, Message, draft, partition_for, with_faults
from tests.support.elections import Voter, made_election, roll_of
from tests.support.ledger import broken_rules, figures_of, positions_of, uncounted_of
from tests.support.log import Place, appended, opened
from tests.support.mixture import expected_figures, judged_in_order, mixture

Count = Callable[..., CountFigures]

CORPUS = made_election("verdicts", voters_each=120)
VOTERS = [voter for voter in roll_of(CORPUS) if (voter.precinct_id, voter.ballot_style_id) == ("north", "full")]
# All faulty ballots are this voter's, who keeps the right to one that counts.
FAULTY = VOTERS[-1]
SPELLED = {**draft(CORPUS, FAULTY).fields}
WELL_FORMED = list(spellings.well_formed(SPELLED))
MALFORMED = list(spellings.malformed(SPELLED))
KEYS = {"no key": None, "an empty key": b"", "a key of 5,000 bytes": b"x" * 5000, "a key not UTF-8": b"\xff"}


def good(voter: Voter) -> Draft:
    return draft(CORPUS, voter, {"mayor": ["ann"], "council": ["dan"]})


def corpus() -> dict[str, tuple[Message, Reason | None]]:
    """All messages by name, each of another voter where it is valid, with what they must become."""
    voters = iter(VOTERS)
    messages: dict[str, tuple[Message, Reason | None]] = {}
    for name in WELL_FORMED:
        fields = {**draft(CORPUS, next(voters)).fields}
        messages[f"well-formed: {name}"] = (_spelled(fields, spellings.well_formed(fields)[name]), None)
    for name in MALFORMED:
        value = spellings.malformed(SPELLED)[name]
        messages[f"malformed: {name}"] = (_spelled(SPELLED, value), Reason.MALFORMED)
    for name, key in KEYS.items():
        message = good(FAULTY).message()
        messages[f"wrong key: {name}"] = (message._replace(key=key), Reason.WRONG_KEY)
    faults = [reason for reason in FAULTS if reason is not Reason.AFTER_CLOSE]
    for place, reason in enumerate(faults):
        messages[f"{reason} alone"] = (with_faults(good(FAULTY), reason).message(), reason)
        for later in faults[place + 1 :]:
            messages[f"{reason} before {later}"] = (with_faults(good(FAULTY), reason, later).message(), reason)
    messages["a null message"] = (Message(0, None, None), Reason.MALFORMED)
    return messages


def _spelled(fields: dict[str, str], value: bytes | None) -> Message:
    voter_id = fields["voter_id"].encode()
    return Message(partition_for(voter_id, CORPUS.partition_count), voter_id, value)


NAMED = corpus()


@dataclass(frozen=True, slots=True)
class Counted:
    """The corpus in the log, and what the count made of it."""

    places: dict[str, Place]
    uncounted: dict[Place, str]


@pytest.fixture(scope="module")
def counted(settings: Settings, count_now: Count) -> Counted:
    """The corpus, counted in one go."""
    opened(settings, CORPUS)
    places = appended(settings, CORPUS.election_id, [message for message, _ in NAMED.values()])
    figures = count_now(CORPUS.election_id)
    assert figures.messages == len(NAMED)
    return Counted(dict(zip(NAMED, places, strict=True)), uncounted_of(settings, CORPUS.election_id))


@pytest.mark.parametrize("name", NAMED)
def test_the_first_reason_that_applies_is_given(counted: Counted, name: str) -> None:
    _, reason = NAMED[name]
    assert counted.uncounted.get(counted.places[name]) == reason


def test_no_message_stops_the_count_and_the_sums_hold(settings: Settings, counted: Counted) -> None:
    position = positions_of(settings, CORPUS.election_id)
    assert position["next_offset"] == len(NAMED)
    assert position["counted"] == len(WELL_FORMED)
    assert position["holes"] == 0
    assert broken_rules(settings, CORPUS.election_id) == []


def test_an_uncounted_ballot_leaves_the_voter_the_right_to_a_corrected_one(
    settings: Settings, count_now: Count, counted: Counted
) -> None:
    (place,) = appended(settings, CORPUS.election_id, [good(FAULTY).message()])
    count_now(CORPUS.election_id)
    assert place not in uncounted_of(settings, CORPUS.election_id)


def test_ballots_outside_the_hours_are_rejected_by_the_time_the_log_took_them(
    settings: Settings, count_now: Count
) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    hours = {
        "before": (now + hour, now + 2 * hour, Reason.BEFORE_OPEN),
        "after": (now - 2 * hour, now - hour, Reason.AFTER_CLOSE),
        "within": (now - hour, now + hour, None),
    }
    for name, (opens_at, closes_at, reason) in hours.items():
        election = replace(made_election(f"hours-{name}"), opens_at=opens_at, closes_at=closes_at)
        opened(settings, election)
        voter = roll_of(election)[0]
        # A time that the voter's own clock claims decides nothing.
        ballot = draft(election, voter).having(cast_at=(now + 1.5 * hour).isoformat())
        stranger = ballot.having(voter_id="stranger")
        places = appended(settings, election.election_id, [ballot.message(), stranger.message()])
        count_now(election.election_id)
        found = uncounted_of(settings, election.election_id)
        assert [found.get(place) for place in places] == [reason, reason or Reason.UNKNOWN_VOTER]


def test_a_ballot_in_time_counts_and_one_after_the_close_does_not(settings: Settings, count_now: Count) -> None:
    closes_at = datetime.now(UTC) + timedelta(seconds=6)
    election = replace(made_election("closing"), opens_at=closes_at - timedelta(hours=1), closes_at=closes_at)
    opened(settings, election)
    early, late = (draft(election, voter).message() for voter in roll_of(election)[:2])
    places = appended(settings, election.election_id, [early])
    time.sleep(max(0.0, (closes_at - datetime.now(UTC)).total_seconds()) + 0.1)
    places += appended(settings, election.election_id, [late])
    count_now(election.election_id)
    found = uncounted_of(settings, election.election_id)
    assert [found.get(place) for place in places] == [None, Reason.AFTER_CLOSE]


def test_a_mixture_comes_to_the_figures_added_up_by_hand(settings: Settings, count_now: Count) -> None:
    election = made_election("mixture", voters_each=300)
    opened(settings, election)
    casts = mixture(election, seed=11)
    places = appended(settings, election.election_id, [cast.message for cast in casts])
    count_now(election.election_id, max_offsets_per_trigger=700)
    reasons = {place: cast.reason for place, cast in zip(places, casts, strict=True) if cast.reason}
    assert uncounted_of(settings, election.election_id) == reasons
    assert figures_of(settings, election.election_id) == expected_figures(election, casts)
    assert broken_rules(settings, election.election_id) == []


def test_an_overvote_counts_no_vote_and_a_blank_ballot_counts_in_turnout(settings: Settings, count_now: Count) -> None:
    election = made_election("marks")
    opened(settings, election)
    voters = [voter for voter in roll_of(election) if voter.ballot_style_id == "full"]
    marks: list[dict[str, list[str]]] = [
        {"mayor": ["ann", "bob"], "council": ["dan"]},
        {},
        {"mayor": [], "council": [], "bridge": []},
    ]
    casts = judged_in_order((draft(election, voter, one), None) for voter, one in zip(voters, marks, strict=False))
    appended(settings, election.election_id, [cast.message for cast in casts])
    count_now(election.election_id)
    figures = figures_of(settings, election.election_id)
    assert figures.contests == {
        ("mayor", "north", "election_day"): (3, 2, 1),
        ("council", "north", "election_day"): (3, 5, 0),
        ("bridge", "north", "election_day"): (3, 3, 0),
    }
    assert figures.votes == {("council", "dan", "north", "election_day"): 1}
    assert figures.ballots == {("north", "full", "election_day"): 3}
