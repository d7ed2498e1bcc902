"""Synthetic elections, their rolls and their people: known results, drawn from a seed."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from election_assets.domain.election import ID_PATTERN, Election, Method
from election_assets.domain.election_folder import read_election
from election_assets.domain.electorate import AGE_GROUPS, voters
from election_assets.domain.figures import official_figures, replayed_figures
from election_assets.domain.people import age_group_of, synthetic_people
from election_assets.domain.replay import messages
from election_assets.domain.synthetic import candidate_count, generate_election
from election_assets.errors import PermanentError


@pytest.fixture(scope="module")
def election() -> Election:
    return generate_election("trial", voters=20_000, seed=7, contests=4, precincts=60)


def test_the_same_seed_draws_the_same_election(election: Election) -> None:
    assert generate_election("trial", voters=20_000, seed=7, contests=4, precincts=60) == election
    assert generate_election("trial", voters=20_000, seed=8, contests=4, precincts=60) != election


def test_its_candidates_take_the_names_they_are_given_and_nothing_else_changes(election: Election) -> None:
    names = [f"Named {at}" for at in range(candidate_count(4))]
    named = generate_election("trial", voters=20_000, seed=7, contests=4, precincts=60, names=iter(names))
    candidates = [candidate for contest in named.contests for candidate in contest.candidates]
    assert [one.candidate_name for one in candidates if not one.is_write_in] == names
    assert {one.candidate_name for one in candidates if one.is_write_in} == {"Write-ins"}
    assert replace(named, contests=election.contests) == election


def test_it_has_the_size_that_was_asked_for(election: Election) -> None:
    assert election.voter_count == 20_000
    assert len(election.precincts) == 60
    assert len(election.contests) == 4
    assert election.is_test
    assert [contest.votes_allowed for contest in election.contests] == [1, 2, 1, 1]


def test_most_but_not_all_voters_vote(election: Election) -> None:
    ballots = sum(row.ballot_count or 0 for row in election.official_ballots)
    assert 0.68 < ballots / 20_000 < 0.72


def test_its_results_contradict_nothing(election: Election) -> None:
    assert replayed_figures(election) == official_figures(election)


def test_its_ballots_come_to_its_results(election: Election) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for _, value in messages(election):
        for contest_id, chosen in json.loads(value)["selections"].items():
            counted.update((contest_id, candidate_id) for candidate_id in chosen)
    known: Counter[tuple[str, str]] = Counter()
    for row in election.official_results:
        known[row.contest_id, row.candidate_id] += row.vote_count
    assert counted == known


def test_voters_for_several_do_not_all_use_all_their_votes(election: Election) -> None:
    uses = Counter(len(json.loads(value)["selections"].get("school-board", ())) for _, value in messages(election))
    assert set(uses) == {0, 1, 2}


@pytest.mark.parametrize("size", [1, 2, 37, 1_499])
def test_small_elections_contradict_nothing_either(size: int) -> None:
    for seed in range(20):
        small = generate_election("small", voters=size, seed=seed, methods=(Method.EARLY, Method.MAIL))
        assert replayed_figures(small) == official_figures(small)
        assert small.voter_count == size


def test_a_million_voters_are_drawn_by_cell() -> None:
    big = generate_election("big", voters=1_000_000, seed=1, precincts=20)
    assert big.voter_count == 1_000_000
    assert len(big.official_results) == 20 * 3 * sum(len(contest.candidates) for contest in big.contests)


@pytest.mark.parametrize("wrong", [{"precincts": 11}, {"precincts": 0}, {"turnout": 1.5}, {"contests": 0}])
def test_an_impossible_election_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PermanentError, match="An election of 10 voters"):
        generate_election("none", voters=10, **wrong)


class TestRoll:
    def test_each_precinct_has_exactly_its_voters(self) -> None:
        adams = read_election("adams-2020")
        sizes = Counter(precinct for _, precinct, *_ in voters(adams).rows())
        for number, unit in enumerate(adams.reporting_units, 1):
            assert sizes[number] == (unit.registered_voter_count or 0)

    def test_voter_ids_are_unique_ids_that_do_not_tell_the_precinct(self, election: Election) -> None:
        roll = voters(election)
        ids = roll.voter_ids.astype(str)
        assert len(set(ids.tolist())) == 20_000
        assert all(ID_PATTERN.match(voter_id) for voter_id in ids)
        # In the order of their ids, voters of one precinct stand together no more often than by chance.
        in_order = roll.precinct_numbers[np.argsort(ids)]
        assert np.mean(in_order[1:] == in_order[:-1]) < 0.03

    def test_another_seed_or_election_has_other_voters(self, election: Election) -> None:
        ids = set(voters(election).voter_ids.tolist())
        for other in (replace(election, seed=8), replace(election, election_id="other")):
            assert len(ids & set(voters(other).voter_ids.tolist())) < 5


class TestPeople:
    @pytest.mark.parametrize("day", [date(2024, 2, 29), date(2020, 11, 3)])
    def test_everyone_is_as_old_as_their_group_says_on_election_day(self, election: Election, day: date) -> None:
        held = replace(election, election_date=day)
        reached = set()
        for group, person in zip(voters(held).age_groups.tolist(), synthetic_people(held), strict=True):
            born = person.birth_date
            assert born is not None
            assert age_group_of(born, day) == AGE_GROUPS[group]
            age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
            first, _, last = AGE_GROUPS[group].rstrip("+").partition("-")
            assert int(first) <= age <= int(last or 95)
            reached.add(group)
        assert len(reached) == 6

    def test_the_same_seed_invents_the_same_people(self, election: Election) -> None:
        assert list(synthetic_people(election)) == list(synthetic_people(election))

    def test_everyone_is_of_the_gender_that_the_roll_has(self, election: Election) -> None:
        assert [person.gender for person in synthetic_people(election)] == [row[4] for row in voters(election).rows()]

    @pytest.mark.parametrize(
        ("born", "group"),
        [
            (None, "unknown"),
            (date(2002, 11, 4), "unknown"),
            (date(2002, 11, 3), "18-24"),
            (date(1955, 11, 4), "55-64"),
            (date(1955, 11, 3), "65+"),
            (date(1, 1, 1), "unknown"),
            (date(2021, 1, 1), "unknown"),
        ],
    )
    def test_who_is_too_young_to_vote_or_older_than_anyone_is_of_unknown_age(
        self, born: date | None, group: str
    ) -> None:
        assert age_group_of(born, date(2020, 11, 3)) == group

    def test_nobody_can_be_reached(self, election: Election) -> None:
        for voter_id, person in zip(voters(election).voter_ids.astype(str), synthetic_people(election), strict=True):
            assert (person.email or "").endswith(f".{voter_id}@example.org")
            assert "-555-01" in (person.phone or "")
            assert "-555-01" in (person.cell_phone or "")
            assert person.picture_url == f"https://example.org/pictures/{voter_id}.png"
