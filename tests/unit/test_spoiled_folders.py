"""Claims about election folders that Hypothesis spoils: elections that hold together, or errors that say where."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from election_assets.domain.election import ELECTION_ID_PATTERN, ID_PATTERN, Contest, Contradiction, Election, Method
from election_assets.domain.election_folder import read_election, write_election
from election_assets.domain.figures import VOTES
from election_assets.domain.folder_text import MAX_COUNT, MAX_NUMBER
from election_assets.domain.plain_text import CONTROLS
from election_assets.domain.synthetic import generate_election
from election_assets.errors import PermanentError
from tests.support.hostile import (
    FOLDER_FILES,
    as_csv,
    as_yaml,
    assert_says_where,
    from_csv,
    soon,
    spoiled,
    spoiled_bytes,
    spoiled_rows,
    texts_in,
)


def assert_holds_together(election: Election) -> None:
    """What everything behind the reader relies on."""
    assert ELECTION_ID_PATTERN.match(election.election_id)
    assert not any(CONTROLS.search(text) or len(text) > 10_000 for text in texts_in(election))
    precincts = [one.reporting_unit_id for one in election.precincts]
    contests = {one.contest_id: one for one in election.contests}
    styles = {one.ballot_style_id: one for one in election.ballot_styles}
    assert precincts
    assert election.methods
    for ids in (
        *([one.candidate_id for one in contest.candidates] for contest in election.contests),
        [one.contest_id for one in election.contests],
        [one.ballot_style_id for one in election.ballot_styles],
        [one.reporting_unit_id for one in election.reporting_units],
    ):
        assert ids
        assert len(set(ids)) == len(ids)
        assert all(ID_PATTERN.match(one) for one in ids)
    assert all(contest_id in contests for style in styles.values() for contest_id in style.contest_ids)
    assert {one.precinct_id for one in election.precinct_ballot_styles} == set(precincts)
    assert {one.ballot_style_id for one in election.precinct_ballot_styles} <= set(styles)
    assert all(0 <= one.voter_count <= MAX_COUNT for one in election.precinct_ballot_styles)
    assert all(0 <= (one.registered_voter_count or 0) <= MAX_COUNT for one in election.reporting_units)
    assert all(1 <= contest.votes_allowed <= MAX_NUMBER for contest in election.contests)
    assert_figures_are_of_it(election, contests, precincts)


def assert_figures_are_of_it(election: Election, contests: dict[str, Contest], precincts: Iterable[str]) -> None:
    explained = {one.replayed_count for one in election.contradictions}
    for one in election.official_results:
        assert one.precinct_id in precincts
        assert one.candidate_id in {candidate.candidate_id for candidate in contests[one.contest_id].candidates}
        assert 0 <= one.vote_count <= MAX_COUNT or explained
    for row in election.official_ballots:
        assert row.precinct_id in precincts
        assert 0 <= (row.ballot_count or 0) <= MAX_COUNT or explained


SAMPLE = replace(
    generate_election("sample", 40, seed=5, contests=2, precincts=2, methods=(Method.ELECTION_DAY, Method.MAIL)),
    source="A drawn one.",
    baseline_election_id="sample-2020",
    contradictions=(Contradiction("a_kind", None, None, None, None, VOTES, "1", "2", "none"),),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    place = tmp_path_factory.mktemp("good")
    write_election(SAMPLE, place)
    return {name: (place / name).read_bytes() for name in FOLDER_FILES}


@st.composite
def spoiled_folders(draw: st.DrawFn, good: dict[str, bytes]) -> dict[str, bytes]:
    files = dict(good)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["election.yaml", *good]))
        if draw(st.integers(0, 3)) == 0:
            files[name] = draw(spoiled_bytes(files[name]))
        elif name == "election.yaml":
            tree = yaml.load(good[name], Loader=yaml.BaseLoader)
            files[name] = as_yaml(draw(spoiled(tree)), is_plain=draw(st.booleans()))
        else:
            rows = draw(spoiled_rows(from_csv(good[name])))
            files[name] = as_csv(rows, end=draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return files


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_spoiled_folder_is_an_election_that_holds_together_or_an_error_that_names_its_place(
    tmp_path: Path, good: dict[str, bytes], data: st.DataObject
) -> None:
    for name, content in data.draw(spoiled_folders(good)).items():
        (tmp_path / name).write_bytes(content)
    try:
        with soon(seconds=10):
            election = read_election(tmp_path)
    except PermanentError as error:
        assert_says_where(str(error))
        return
    assert_holds_together(election)
    again = tmp_path / "again"
    write_election(election, again)
    assert read_election(again) == election
