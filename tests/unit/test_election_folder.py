"""Election folders: what is written is read again, and what is wrong is said all at once."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.election import (
    ELECTION_ID_PATTERN,
    BallotStyle,
    Candidate,
    Contest,
    Contradiction,
    Election,
    Method,
    OfficialBallots,
    OfficialResult,
    PrecinctBallotStyle,
    Publish,
    ReportingUnit,
)
from election_assets.domain.election_folder import find_election_folder, read_election, write_election
from election_assets.domain.figures import VOTES
from election_assets.domain.plain_text import CONTROLS
from election_assets.errors import PermanentError

SAMPLE = Election(
    election_id="sample",
    election_name="Sample: the election",
    election_date=date(2024, 5, 21),
    election_type="general",
    methods=(Method.ELECTION_DAY, Method.MAIL),
    contests=(
        Contest("mayor", "Mayor", "Mayor", None, 1, (Candidate("ada", "Ada", "BLU"), Candidate("no", "No"))),
        Contest("board", "Board", "Board", "08", 2, (Candidate("write-ins", "Write-ins", None, True),)),
    ),
    reporting_units=(
        ReportingUnit("county", "County", "county"),
        ReportingUnit("north", "North", "precinct", "county", 12),
        ReportingUnit("south", "South", "precinct", "county"),
    ),
    ballot_styles=(BallotStyle("style-01", ("mayor", "board")), BallotStyle("style-02", ("mayor",))),
    precinct_ballot_styles=(PrecinctBallotStyle("north", "style-01", 12), PrecinctBallotStyle("south", "style-02", 9)),
    opens_at=datetime(2024, 5, 21, 11, tzinfo=UTC),
    closes_at=datetime(2024, 5, 22, 0, tzinfo=UTC),
    publish=Publish.AT_CLOSE,
    source="A made one.",
    official_results=(OfficialResult("mayor", "ada", "north", Method.MAIL, -3),),
    official_ballots=(OfficialBallots("north", Method.TOTAL, 10, None),),
    contradictions=(
        Contradiction("negative_cell", "north", "mayor", "ada", Method.MAIL, VOTES, "-3", "0 or more", "0", 0),
    ),
)  # fmt: skip

words = st.text(min_size=1, max_size=12).map(lambda text: CONTROLS.sub("-", text))
maybe = st.none() | words
identifiers = st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z")
counts = st.integers(0, 2**31 - 1)


def unique(many: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[list[str]]:
    return st.lists(many, min_size=1, max_size=most, unique=True)


@st.composite
def contests(draw: st.DrawFn, contest_id: str) -> Contest:
    candidates = tuple(
        Candidate(candidate_id, draw(words), draw(maybe), draw(st.booleans()))
        for candidate_id in draw(unique(identifiers))
    )
    votes_allowed = draw(st.integers(1, 2**15 - 1))
    return Contest(contest_id, draw(words), draw(words), draw(maybe), votes_allowed, candidates)


@st.composite
def elections(draw: st.DrawFn) -> Election:
    papers = tuple(draw(contests(contest_id)) for contest_id in draw(unique(identifiers)))
    contest_ids = [contest.contest_id for contest in papers]
    styles = [
        BallotStyle(style_id, tuple(draw(st.permutations(contest_ids)))) for style_id in draw(unique(identifiers))
    ]
    county, *precincts = draw(st.lists(identifiers, min_size=2, max_size=5, unique=True))
    methods = tuple(draw(st.lists(st.sampled_from(Method), min_size=1, unique=True)))
    opens = draw(st.none() | st.datetimes(timezones=st.just(timezone(timedelta(hours=-5)))))
    results = [
        OfficialResult(contest.contest_id, candidate.candidate_id, precinct, method, draw(counts))
        for contest in papers
        for candidate in contest.candidates
        for precinct in precincts
        for method in draw(st.lists(st.sampled_from(methods), max_size=1))
    ]
    return Election(
        election_id=draw(st.from_regex(ELECTION_ID_PATTERN)),
        election_name=draw(words),
        election_date=draw(st.dates()),
        election_type=draw(words),
        methods=methods,
        contests=papers,
        reporting_units=(
            ReportingUnit(county, draw(words), "county"),
            *(ReportingUnit(one, draw(words), "precinct", county, draw(st.none() | counts)) for one in precincts),
        ),
        ballot_styles=tuple(styles),
        precinct_ballot_styles=tuple(
            PrecinctBallotStyle(one, style.ballot_style_id, draw(counts)) for one in precincts for style in styles
        ),
        seed=draw(st.integers(0, 2**63 - 1)),
        partition_count=draw(st.integers(1, 1024)),
        publish=draw(st.sampled_from(Publish)),
        is_test=draw(st.booleans()),
        opens_at=opens,
        closes_at=opens + timedelta(hours=1) if opens and opens.year < 9999 else opens and opens.max,
        source=draw(maybe),
        official_results=tuple(results),
        official_ballots=tuple(
            OfficialBallots(one, methods[0], draw(st.none() | counts), draw(st.none() | counts)) for one in precincts
        ),
        contradictions=tuple(
            Contradiction(draw(words), draw(maybe), draw(maybe), draw(maybe), draw(st.none() | st.sampled_from(Method)),
                          draw(words), draw(st.just("") | words), draw(st.just("") | words), draw(words),
                          draw(st.none() | counts))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(election=elections())
def test_what_is_written_is_read_again(tmp_path: Path, election: Election) -> None:
    write_election(election, tmp_path)
    assert read_election(tmp_path) == election


def test_the_sample_is_read_again(tmp_path: Path) -> None:
    write_election(SAMPLE, tmp_path)
    assert read_election(tmp_path) == SAMPLE


def test_a_file_that_is_no_longer_needed_is_removed(tmp_path: Path) -> None:
    write_election(SAMPLE, tmp_path)
    write_election(replace(SAMPLE, contradictions=(), official_results=()), tmp_path)
    assert not read_election(tmp_path).is_replay


def test_the_demo_election_is_found_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_election("adams-2020").voter_count == 72_388


def test_an_unknown_folder_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PermanentError, match=r"no election folder 'atlantis'.*adams-2020"):
        find_election_folder("atlantis")


def problems_after(tmp_path: Path, file: str, change: Callable[[str], str]) -> str:
    write_election(SAMPLE, tmp_path)
    path = tmp_path / file
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(PermanentError) as caught:
        read_election(tmp_path)
    return str(caught.value)


FLAWS = [
    ("election.yaml", "id: sample", "id: a b", "election.yaml: id: found 'a b'; ids are 1 to 64"),
    ("election.yaml", "id: sample", "id: a:b", "leave out the colon"),
    ("election.yaml", "date: 2024-05-21", "date: 21.5.2024", "election.yaml: date: found '21.5.2024'"),
    ("election.yaml", "name: 'Sample: the election'", "name: ''", "election.yaml: name: nothing stands here"),
    ("election.yaml", "seed: 1", "seed: x", "election.yaml: seed: found 'x'; write a whole number from 0"),
    ("election.yaml", "seed: 1", "sed: 1", "election.yaml: sed: no such name is known"),
    ("election.yaml", "partition_count: 4", "partition_count: 0", "partition_count: found '0'; write a whole number"),
    ("election.yaml", "publish: at_close", "publish: never", "publish: found 'never'; write one of: live, at_close"),
    ("election.yaml", "is_test: false", "is_test: maybe", "is_test: found 'maybe'; write one of: true, false"),
    ("election.yaml", "21T11:00:00+00:00", "21T11:00:00", "hours.opens_at: found '2024-05-21T11:00:00'"),
    ("election.yaml", "22T00:00:00", "20T00:00:00", "close after opening"),
    ("election.yaml", "- mail", "- pigeon", "methods[1]: found 'pigeon'; write one of: election_day, mail"),
    ("election.yaml", "- mail", "- election_day", "methods: 'election_day' stands there 2 times"),
    ("election.yaml", "votes_allowed: 2", "votes_allowed: 0", "contests[1].votes_allowed: found '0'"),
    ("election.yaml", "- id: board", "- id: mayor", "contests: 'mayor' stands there 2 times"),
    ("election.yaml", "- id: 'no'", "- id: ada", "contests[0].candidates: 'ada' stands there 2 times"),
    ("election.yaml", "party: BLU", "colour: BLU", "contests[0].candidates[0].colour: no such name"),
    (
        "election.yaml",
        "  - board\n",
        "  - jury\n",
        "ballot_styles.style-01: found contest 'jury', which is not defined",
    ),
    ("election.yaml", "  style-02:", "  style-01:", "'style-01' stands here twice"),
    ("election.yaml", "methods:", "methods: [", "election.yaml: it cannot be read"),
    ("reporting_units.csv", "south,South", "north,South", "reporting_units.csv: 'north' stands there 2 times"),
    ("reporting_units.csv", "county,County,county,", "county,County,county,north", "it is among its own parents"),
    ("reporting_units.csv", "precinct,county,\n", "precinct,moon,\n", "found reporting unit 'moon'"),
    ("reporting_units.csv", ",12", ",-12", "reporting_units.csv line 3, registered_voter_count: found '-12'"),
    ("reporting_units.csv", ",12", "", "reporting_units.csv line 3: 4 cells; write 5, as in line 1"),
    ("reporting_units.csv", "parent_id", "parent", "reporting_units.csv line 1: no column parent_id"),
    ("reporting_units.csv", "county,County,county,,", "county,County,county,,5", "give registered voters to precincts"),
    ("ballot_styles.csv", "south,style-02,9\n", "", "precinct 'south' has no ballot style"),
    ("ballot_styles.csv", "south,style-02", "east,style-09", "found ballot style 'style-09'"),
    ("ballot_styles.csv", ",9", ",-9", "ballot_styles.csv line 3, voter_count: found '-9'"),
    ("ballot_styles.csv", ",9", ',"9', "ballot_styles.csv line 3: it cannot be read"),
    ("official_results.csv", "mayor,ada", "mayor,eve", "found candidate 'eve' of contest 'mayor'"),
    ("official_results.csv", "mail,-3", "early,3", "official_results.csv: found method 'early'"),
    (
        "official_results.csv",
        "mayor,ada,north,mail,-3",
        "board,write-ins,south,mail,3",
        "contest 'board' has results in",
    ),
    ("official_results.csv", ",-3", ",many", "official_results.csv line 2, vote_count: found 'many'"),
    ("official_ballots.csv", "north", "west", "official_ballots.csv: found precinct 'west'"),
    ("contradictions.csv", ",0\n", ",\n", "official figures: -3 in the cell votes, north, mayor, ada, mail"),
]


@pytest.mark.parametrize(("file", "old", "new", "sentence"), FLAWS, ids=[flaw[3][:40] for flaw in FLAWS])
def test_a_flaw_is_named_with_its_place(tmp_path: Path, file: str, old: str, new: str, sentence: str) -> None:
    assert sentence in problems_after(tmp_path, file, lambda text: text.replace(old, new, 1))


def test_all_flaws_are_named_at_once(tmp_path: Path) -> None:
    message = problems_after(tmp_path, "election.yaml", lambda text: text.replace("seed: 1", "seed: x\nodd: 1"))
    assert "2 problems to mend" in message
    assert len(re.findall(r"^- ", message, re.MULTILINE)) == 2


@pytest.mark.parametrize("file", ["reporting_units.csv", "ballot_styles.csv"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    write_election(SAMPLE, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(PermanentError, match=f"{file}: the file does not exist"):
        read_election(tmp_path)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list", "id: sample"])
def test_a_definition_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    assert "election.yaml" in problems_after(tmp_path, "election.yaml", lambda _: text)
