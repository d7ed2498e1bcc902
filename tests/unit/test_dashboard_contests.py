"""Claims about how a contest is told, drawn and listed."""

from dataclasses import replace

from dashboard import figures, tables
from dashboard.contents import UnitTurnout
from dashboard.snapshot import Candidate, Contest
from dashboard.standing import ballot_sentence, standing


def contest(*votes: int, places: int = 1, write_ins: int | None = None) -> Contest:
    """A contest of candidates A, B, C … with these votes, most first."""
    total = sum(votes) + (write_ins or 0)
    candidates = [
        Candidate(
            contest_id="mayor",
            candidate_id=name.lower(),
            candidate_name=name,
            party=None,
            is_write_in=False,
            vote_count=count,
            vote_share=count / total if total else None,
            rank=1 + sum(other > count for other in votes),
            is_tied=votes.count(count) > 1,
            margin_count=0,
            votes_by_method={"provisional": 0, "mail": count},
        )
        for name, count in zip("ABCDEF", votes, strict=False)
    ]
    if write_ins is not None:
        share = write_ins / total if total else None
        written = {"mail": write_ins, "provisional": 0}
        candidates.append(
            Candidate("mayor", "w", "Write-ins", None, True, write_ins, share, None, False, None, written)
        )
    return Contest("mayor", "Mayor", places, total, total, 0, 0, tuple(candidates))


def test_the_leader_leads_and_is_not_called_a_winner() -> None:
    assert standing(contest(60, 40)) == "A leads B by 20 votes (20.0 points)."


def test_a_tie_is_called_a_tie() -> None:
    assert standing(contest(50, 50, 3)) == "A and B are tied at 50 votes each."


def test_a_tie_for_the_last_place_is_told_with_its_place() -> None:
    assert standing(contest(50, 30, 30, 10, places=2)) == "B and C are tied for place 2 at 30 votes each."


def test_several_places_have_several_in_the_lead() -> None:
    assert standing(contest(50, 30, 20, places=2)) == "A and B are ahead of C by 10 votes (10.0 points)."


def test_a_lone_candidate_leads_nobody() -> None:
    assert standing(contest(50, write_ins=2)) == "A is the only candidate on the ballot paper."


def test_as_many_places_as_candidates_leave_nobody_behind() -> None:
    assert standing(contest(50, 30, places=3)) == "3 places for 2 candidates on the ballot paper."


def test_write_ins_that_outdo_the_leader_are_not_hidden() -> None:
    assert standing(contest(50, 30, write_ins=70)).endswith("Write-ins together have more: 70.")


def test_only_write_ins_are_told_as_such() -> None:
    assert standing(contest(write_ins=3)) == "All votes in this contest are write-ins."


def test_a_contest_without_votes_has_no_leader() -> None:
    assert standing(contest(0, 0, write_ins=0)) == "No votes are counted in this contest yet."


def test_the_ballots_of_a_contest_are_accounted_for() -> None:
    vote_for_two = Contest("mayor", "Mayor", 2, 1000, 1990, 8, 2)
    assert ballot_sentence(vote_for_two) == (
        "Vote for up to 2 · 1,000 ballots · 1,990 votes · 8 undervotes · 2 overvotes"
    )


def test_bars_keep_the_order_of_ranks_and_carry_figures() -> None:
    rows = figures.candidate_bars(contest(60, 40, write_ins=0), "#000000").data
    assert list(rows["label"]) == ["A", "B", "Write-ins"]
    assert list(rows["figures"]) == ["60 · 60.0%", "40 · 40.0%", "0 · 0.0%"]


def test_bars_of_a_contest_without_votes_are_empty_and_have_no_share() -> None:
    rows = figures.candidate_bars(contest(0, 0), "#000000").data
    assert list(rows["share"]) == [0, 0]
    assert list(rows["figures"]) == ["0 · –", "0 · –"]


def test_a_name_full_of_vega_is_only_text() -> None:
    odd = Candidate("mayor", "o", "datum['x'] || \"<b>\"", "IND", False, 1, 1.0, 1, False, None, {})
    chart = figures.candidate_bars(Contest("mayor", "Mayor", 1, 1, 1, 0, 0, (odd,)), "#000000").to_dict()
    assert odd.candidate_name not in str(chart["layer"])


def test_bars_of_methods_are_in_the_order_of_the_page_and_add_up() -> None:
    rows = figures.method_bars({"provisional": 1, "election_day": 2, "mail": 1}, "#000000").data
    assert list(rows["label"]) == ["Election day", "Mail", "Provisional"]
    assert sum(rows["share"]) == 1


def test_the_chart_is_told_in_words() -> None:
    assert figures.described(contest(60, 40)) == "Bars of Mayor. A: 60 votes, 60.0%; B: 40 votes, 40.0%."


def test_the_table_marks_ties_and_ranks_no_write_in() -> None:
    rows = tables.candidate_table(contest(50, 50, 3, write_ins=1).candidates).rows
    assert list(rows["Rank"]) == ["=1", "=1", "3", ""]


def test_the_table_ranks_nobody_before_the_first_vote() -> None:
    assert set(tables.candidate_table(contest(0, 0).candidates).rows["Rank"]) == {""}


def test_the_table_splits_votes_by_method() -> None:
    rows = tables.candidate_table(contest(50, 30).candidates).rows
    assert list(rows.columns[-2:]) == ["Mail", "Provisional"]
    assert list(rows["Mail"]) == [50, 30]


def unit(name: str, parent: str, registered: int | None = 10) -> UnitTurnout:
    share = 5 / registered if registered else None
    return UnitTurnout(name.lower(), name, "precinct", parent, True, registered, 5, share)


def test_an_unknown_roll_is_a_gap_in_the_table_of_units() -> None:
    rows = tables.unit_table((unit("North", "Adams"), unit("South", "Adams", None))).rows
    assert list(rows["Registered"].isna()) == [False, True]
    assert list(rows["Turnout"].isna()) == [False, True]


def test_the_unit_above_is_shown_only_where_there_are_several() -> None:
    adams, york = unit("Ward 1", "Adams"), unit("Ward 1", "York")
    assert "Part of" not in tables.unit_table((adams,)).rows
    assert list(tables.unit_table((adams, york)).rows["Part of"]) == ["Adams", "York"]


def test_corrections_stand_beside_what_was_counted() -> None:
    ann, bob = contest(60, 40).candidates
    corrected = (replace(ann, adjustment_count=8), bob)
    rows = tables.candidate_table(corrected).rows
    assert list(rows["Votes"]) == [60, 40]
    assert list(rows["Counted"]) == [52, 40]
    assert list(rows["Corrections"]) == [8, 0]
    assert "Corrections" not in tables.candidate_table((ann, bob)).rows
