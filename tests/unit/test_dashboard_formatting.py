"""Claims about the wording of the results page."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import formatting

COUNTED_AT = datetime(2020, 11, 4, 2, 3, 12, tzinfo=UTC)


def test_as_of_tells_the_viewers_own_time_and_the_age_by_the_databases_clock() -> None:
    read_at = COUNTED_AT + timedelta(seconds=7)
    assert formatting.as_of(COUNTED_AT, read_at, "America/New_York") == (
        "As of 21:03:12 EST, 3 November 2020 · 7 seconds ago"
    )


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../../etc/passwd"])
def test_an_unknown_time_zone_is_utc(zone: str | None) -> None:
    assert formatting.clock(COUNTED_AT, zone) == "02:03:12 UTC, 4 November 2020"


def test_before_the_first_ballot_there_is_no_time_to_tell() -> None:
    assert formatting.as_of(None, COUNTED_AT, "UTC") == "Nothing counted yet"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-2, "0 seconds"),
        (0.4, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7_300, "2 hours"),
        (259_200, "3 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert formatting.age(timedelta(seconds=seconds)) == words


def test_an_unknown_number_is_a_dash_and_never_a_zero() -> None:
    assert (formatting.count(None), formatting.share(None)) == ("–", "–")
    assert (formatting.count(0), formatting.share(0.0)) == ("0", "0.0%")


def test_numbers_group_thousands_and_shares_have_one_decimal() -> None:
    assert (formatting.count(1234567), formatting.share(0.78645), formatting.share(1.0)) == (
        "1,234,567",
        "78.6%",
        "100.0%",
    )


def test_one_is_singular() -> None:
    assert (formatting.counted(1, "vote"), formatting.counted(0, "vote")) == ("1 vote", "0 votes")


def test_a_date_cannot_be_read_the_other_way_round() -> None:
    assert formatting.day(date(2020, 11, 3)) == "3 November 2020"


@pytest.mark.parametrize(
    "status", ["pre_election", "unofficial_partial", "unofficial_complete", "correction", "recount", "new_one"]
)
def test_whatever_is_not_certified_is_called_unofficial(status: str) -> None:
    assert formatting.status(status).startswith("Unofficial")


def test_certified_results_are_called_certified() -> None:
    assert formatting.status("certified") == "Certified"


def test_methods_keep_one_order_and_a_new_one_comes_last_by_its_own_name() -> None:
    assert formatting.methods_in_order(["drop_box", "provisional", "mail", "election_day"]) == [
        "election_day",
        "mail",
        "provisional",
        "drop_box",
    ]
    assert formatting.method("drop_box") == "Drop box"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [formatting.listed(names) for names in (["A"], ["A", "B"], ["A", "B", "C"])] == [
        "A",
        "A and B",
        "A, B and C",
    ]


@pytest.mark.parametrize("markup", ["*bold*", "<b>x</b>", "[a](b)", "$x$", "`code`", "# title", "a\n# b", ":red[x]"])
def test_markup_in_a_name_is_shown_as_it_is_written(markup: str) -> None:
    shown = formatting.plain(markup)
    assert shown.replace("\\", "").replace("\u2060", "") == " ".join(markup.split())
    assert all(shown[at - 1] == "\\" for at, sign in enumerate(shown) if sign in "*<>[]$`#:")


@given(st.text())
def test_no_colon_is_left_that_could_start_an_emoji_or_icon(name: str) -> None:
    shown = formatting.plain(name)
    assert all(shown[at + 1 : at + 2] in ("", " ", "\u2060") for at, sign in enumerate(shown) if sign == ":")
