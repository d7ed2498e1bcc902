"""Replaying: the ballots add up to the official figures, counted here one by one from the messages themselves."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.ballot import Ballot, read_ballot
from election_assets.domain.election import (
    BallotStyle,
    Candidate,
    Contest,
    Election,
    Method,
    OfficialBallots,
    OfficialResult,
    PrecinctBallotStyle,
    ReportingUnit,
)
from election_assets.domain.electorate import voters
from election_assets.domain.figures import (
    BALLOTS_CAST,
    BALLOTS_CAST_BLANK,
    REGISTERED_VOTERS,
    VOTES,
    Place,
    official_figures,
    place_of,
)
from election_assets.domain.replay import ballot_count, messages
from election_assets.errors import PermanentError
from election_assets.openelections import import_openelections

FILES = Path(__file__).parents[1] / "data" / "openelections"


class Message(msgspec.Struct):
    """What is counted of a message."""

    voter_id: str
    precinct_id: str
    ballot_style_id: str
    method: str
    selections: msgspec.Raw


_MESSAGE = msgspec.json.Decoder(Message)


def imported(county: str) -> Election:
    return import_openelections(FILES / f"openelections_20201103_pa_{county}_precinct.csv", f"{county}-2020")


def counted(election: Election, seed: int | None = None) -> dict[Place, int]:
    """Count the messages; on the way hold each to the rules of a ballot."""
    styles = {style.ballot_style_id: set(style.contest_ids) for style in election.ballot_styles}
    allowed = {contest.contest_id: contest.votes_allowed for contest in election.contests}
    roll = {voter_id: (precinct, style) for voter_id, precinct, style, *_ in voters(election).rows()}
    units = [unit.reporting_unit_id for unit in election.reporting_units]
    style_ids = [style.ballot_style_id for style in election.ballot_styles]
    ballots: Counter[tuple[str, str, str, str]] = Counter()
    for key, value in messages(election, seed):
        message = _MESSAGE.decode(value)
        precinct_number, style_number = roll.pop(key.decode())
        assert message.voter_id == key.decode()
        assert message.precinct_id == units[precinct_number - 1]
        assert message.ballot_style_id == style_ids[style_number - 1]
        ballots[message.precinct_id, message.ballot_style_id, message.method, bytes(message.selections).decode()] += 1
    figures: Counter[Place] = Counter()
    for row in election.precinct_ballot_styles:
        figures[Place(REGISTERED_VOTERS, row.precinct_id)] += row.voter_count
    for (precinct_id, style_id, cast_by, text), count in ballots.items():
        selections = json.loads(text)
        assert selections.keys() <= styles[style_id]
        for method in {Method(cast_by), Method.TOTAL}:
            figures[Place(BALLOTS_CAST, precinct_id, method=method)] += count
            figures[Place(BALLOTS_CAST_BLANK, precinct_id, method=method)] += 0 if selections else count
            for contest_id, chosen in selections.items():
                assert 1 <= len(chosen) == len(set(chosen)) <= allowed[contest_id]
                for candidate_id in chosen:
                    figures[Place(VOTES, precinct_id, contest_id, candidate_id, method)] += count
    return {place: figures[place] for place in official_figures(election)}


def explained(election: Election) -> dict[Place, int]:
    """Return the official figures with those replaced that contradictions.csv says are replayed otherwise."""
    rows = [row for row in election.contradictions if row.replayed_count is not None]
    return official_figures(election) | {place_of(row): row.replayed_count or 0 for row in rows}


@pytest.fixture(scope="module")
def adams() -> Election:
    return imported("adams")


def test_adams_adds_up_but_for_four_cells(adams: Election) -> None:
    figures, official = counted(adams), official_figures(adams)
    assert figures == explained(adams)
    assert sum(figures[place] != official[place] for place in official) == 4
    assert sum(count for place, count in figures.items() if place[0::4] == (BALLOTS_CAST, "total")) == 56_939


def test_luzerne_adds_up_to_every_cell() -> None:
    luzerne = imported("luzerne")
    assert counted(luzerne) == official_figures(luzerne)


def test_another_seed_casts_other_ballots_that_add_up_the_same(adams: Election) -> None:
    assert counted(adams, seed=7) == explained(adams)
    assert next(messages(adams, 7)) != next(messages(adams, 8))


def test_the_same_seed_casts_the_same_messages(adams: Election) -> None:
    assert list(messages(adams)) == list(messages(adams, adams.seed))


def test_a_part_of_the_messages_is_a_part_of_all(adams: Election) -> None:
    every = list(messages(adams))
    assert len(every) == ballot_count(adams) == 56_939
    assert list(messages(adams, start=19_990, limit=20_020)) == every[19_990:40_010]
    assert list(messages(adams, start=56_930, limit=100)) == every[56_930:]


def test_every_message_is_a_well_formed_ballot_of_its_own(adams: Election) -> None:
    ballots = [read_ballot(value) for _, value in messages(adams)]
    assert all(isinstance(ballot, Ballot) for ballot in ballots)
    assert len({ballot.ballot_id for ballot in ballots if isinstance(ballot, Ballot)}) == 56_939


def test_precincts_and_methods_arrive_mixed(adams: Election) -> None:
    first = [json.loads(value) for _, value in messages(adams, limit=1_000)]
    assert len({ballot["precinct_id"] for ballot in first}) == 50
    assert {ballot["method"] for ballot in first} == {"election_day", "mail", "provisional"}


def test_ballots_are_dated_within_the_hours(adams: Election) -> None:
    opens, closes = datetime(2020, 11, 3, 12, tzinfo=UTC), datetime(2020, 11, 3, 13, tzinfo=UTC)
    dates = [json.loads(value)["cast_at"] for _, value in messages(replace(adams, opens_at=opens, closes_at=closes))]
    assert dates == sorted(dates)
    assert (dates[0], dates[-1]) == ("2020-11-03T12:00:00Z", "2020-11-03T12:59:59Z")


def test_an_election_without_results_has_nothing_to_replay(adams: Election) -> None:
    with pytest.raises(PermanentError, match=r"'adams-2020' has no official_results\.csv"):
        next(messages(replace(adams, official_results=())))


def test_a_roll_too_small_for_its_ballots_is_named(adams: Election) -> None:
    first, *others = adams.precinct_ballot_styles
    with pytest.raises(PermanentError, match=r"'abbottstown' casts 487 ballots.*raise voter_count"):
        next(messages(replace(adams, precinct_ballot_styles=(replace(first, voter_count=486), *others))))


class TestKnownParts:
    """A split precinct whose parts have known sizes, as in a folder written by hand."""

    def election(self, first: int, second: int) -> Election:
        contests = (contest("mayor"), contest("house-1", "House"), contest("house-2", "House"))
        votes = {"mayor": (50, 30), "house-1": (20, 10), "house-2": (15, 20)}
        return made(
            contests,
            [BallotStyle("north", ("mayor", "house-1")), BallotStyle("south", ("house-2", "mayor"))],
            [PrecinctBallotStyle("p", "north", first), PrecinctBallotStyle("p", "south", second)],
            [result(contest_id, at, Method.TOTAL, count) for contest_id, counts in votes.items()
             for at, count in enumerate(counts)],
            [OfficialBallots("p", Method.TOTAL, 90, 2)],
        )  # fmt: skip

    @pytest.mark.parametrize("sizes", [(30, 60), (32, 58), (55, 35), (200, 40), (31, 400)])
    def test_the_ballots_fit_the_parts(self, sizes: tuple[int, int]) -> None:
        election = self.election(*sizes)
        assert counted(election) == official_figures(election)

    @pytest.mark.parametrize("sizes", [(29, 100), (100, 34), (40, 49)])
    def test_parts_too_small_are_named(self, sizes: tuple[int, int]) -> None:
        with pytest.raises(PermanentError, match=rf"north: {sizes[0]}, south: {sizes[1]}"):
            list(messages(self.election(*sizes)))


def contest(contest_id: str, office: str | None = None, votes_allowed: int = 1, candidates: int = 2) -> Contest:
    lines = tuple(Candidate(f"c{at}", f"C {at}") for at in range(candidates))
    return Contest(contest_id, contest_id, office or contest_id, None, votes_allowed, lines)


def result(contest_id: str, at: int, method: Method, count: int) -> OfficialResult:
    return OfficialResult(contest_id, f"c{at}", "p", method, count)


def made(
    contests: tuple[Contest, ...],
    styles: list[BallotStyle],
    roll: list[PrecinctBallotStyle],
    results: list[OfficialResult],
    ballots: list[OfficialBallots],
) -> Election:
    return Election(
        "made", "Made", date(2024, 5, 21), "general", tuple(Method), contests, (ReportingUnit("p", "P", "precinct"),),
        tuple(styles), tuple(roll), official_results=tuple(results), official_ballots=tuple(ballots),
    )  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw an OpenElections file of small numbers, most of which contradict each other."""
    count = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["", "-3", "n/a", "1,002", "0"]))
    lines = ["county,precinct,office,district,party,candidate,votes,election_day,mail"]
    offices = [("Mayor", ""), ("House", "1"), ("House", "2"), ("Senate", "7"), ("Senate", "8"), ("Board", "")]
    rows = [("Registered Voters", "", ""), ("Ballots Cast", "", ""), ("Ballots Cast Blank", "", "")]
    rows += [(office, district, name) for office, district in offices for name in ("Ada", "Bo", "Write-ins")]
    for precinct in ("North", "South"):
        for office, district, name in draw(st.lists(st.sampled_from(rows), max_size=30)):
            split = draw(st.sampled_from([f"{draw(count)},{draw(count)}", ","]))
            lines.append(f'S,{precinct},{office},{district},,{name},"{draw(count)}",' + _quoted(split))
    # Something to replay in any case: no other row can contradict this one.
    lines.append("S,North,Mayor,,,Zoe,3,,")
    return "\n".join(lines)


def _quoted(cells: str) -> str:
    return cells.replace("1,002", "1002")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=files(), seats=st.integers(1, 3))
def test_whatever_a_file_says_its_replay_differs_only_where_it_says_so(tmp_path: Path, text: str, seats: int) -> None:
    file = tmp_path / "20240521__xx__sample.csv"
    file.write_text(text, encoding="utf-8")
    allowed = {"Board": seats} if ",Board," in text else {}
    election = import_openelections(file, "sample", votes_allowed=allowed)
    figures = counted(election)
    assert figures == explained(election)
    differing = {place for place, count in official_figures(election).items() if figures[place] != count}
    assert differing == {place_of(row) for row in election.contradictions if row.replayed_count is not None}
    # Candidate cells by method are always reproduced, but for those below zero.
    official = official_figures(election)
    assert all(official[place] < 0 or place.method is Method.TOTAL for place in differing if place.cell == VOTES)


@pytest.mark.parametrize(
    ("votes_allowed", "votes", "ballots"),
    [
        (2, [60, 60, 0, 40], 80),
        (3, [100, 100, 100], 100),
        (3, [100, 1, 0, 1], 100),
        (5, [7, 6, 5, 4, 3, 2, 1], 7),
    ],
)
def test_a_contest_for_several_names_nobody_twice(votes_allowed: int, votes: list[int], ballots: int) -> None:
    board = contest("board", votes_allowed=votes_allowed, candidates=len(votes))
    election = made(
        (board,),
        [BallotStyle("s", ("board",))],
        [PrecinctBallotStyle("p", "s", ballots)],
        [result("board", at, Method.TOTAL, count) for at, count in enumerate(votes)],
        [OfficialBallots("p", Method.TOTAL, ballots, None)],
    )
    assert counted(election) == official_figures(election)
