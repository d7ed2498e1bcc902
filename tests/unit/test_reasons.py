"""Claims about the words for verdicts: the same in code and in the marts, each explained."""

import csv
from pathlib import Path

import pytest

from election_assets.domain.verdict import Reason, Verdict

SEED = Path(__file__).parents[2] / "dbt_project" / "seeds" / "uncounted_reasons.csv"


def test_the_marts_know_exactly_the_reasons_of_the_count_in_their_order() -> None:
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["reason"], row["verdict"]) for row in rows] == [
        (reason.value, reason.verdict.value) for reason in Reason
    ]
    assert all(row["description"].endswith(".") for row in rows)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained_in_a_sentence_of_its_own(reason: Reason) -> None:
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")
    assert [other for other in Reason if other.sentence == reason.sentence] == [reason]


def test_what_cannot_be_placed_is_quarantined_and_what_breaks_a_rule_is_rejected() -> None:
    placed = list(Reason).index(Reason.BEFORE_OPEN)
    assert {reason.verdict for reason in list(Reason)[:placed]} == {Verdict.QUARANTINED}
    assert {reason.verdict for reason in list(Reason)[placed:]} == {Verdict.REJECTED}
