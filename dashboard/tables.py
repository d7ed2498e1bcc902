"""The tables of the page: rows and how their columns read."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
from streamlit import column_config as cc
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import formatting
from dashboard.snapshot import Candidate, Turnout, UncountedMessages

_NUMBER = "%,d"
_SIGNED_NUMBER = "%+,d"
_PERCENT = "%.1f%%"


@dataclass(frozen=True)
class Table:
    """Rows with the look of each column, as `st.dataframe` takes them."""

    rows: pd.DataFrame
    columns: dict[str, ColumnConfig]


def candidate_table(candidates: tuple[Candidate, ...]) -> Table:
    """List a contest's candidates by rank with votes by method; a tie is marked by =."""
    methods = formatting.methods_in_order({name for each in candidates for name in each.votes_by_method})
    split = {formatting.method(name): name for name in methods if name != "total"}
    rows = pd.DataFrame(
        {
            "Rank": [_rank(each) for each in candidates],
            "Candidate": [each.candidate_name for each in candidates],
            "Party": [each.party or "" for each in candidates],
            "Votes": _whole(each.vote_count for each in candidates),
            "Share": [_percent(each.vote_share) for each in candidates],
            "Margin": _whole(each.margin_count for each in candidates),
            **{label: _whole(each.votes_by_method.get(name) for each in candidates) for label, name in split.items()},
        }
    )
    columns = {
        "Rank": cc.TextColumn(width=55, alignment="right"),
        "Candidate": cc.TextColumn(),
        "Party": cc.TextColumn(width=60),
        "Votes": cc.NumberColumn(format=_NUMBER),
        "Share": cc.NumberColumn(format=_PERCENT, help="Of all votes in the contest, write-ins included"),
        "Margin": cc.NumberColumn(
            format=_SIGNED_NUMBER,
            help="In the lead: votes ahead of the next candidate. Otherwise: votes behind the last one in the lead",
        ),
        **{label: cc.NumberColumn(format=_NUMBER) for label in split},
    }
    return Table(rows, columns)


def precinct_table(precincts: tuple[Turnout, ...]) -> Table:
    """List precincts with turnout; the unit above them only where there are several such."""
    rows = pd.DataFrame(
        {
            "Precinct": [each.reporting_unit_name for each in precincts],
            "Part of": [each.parent_name or "" for each in precincts],
            "Registered": _whole(each.registered_voter_count for each in precincts),
            "Ballots": _whole(each.ballot_count for each in precincts),
            "Turnout": [_percent(each.turnout_share) for each in precincts],
        }
    )
    if rows["Part of"].nunique() <= 1:
        rows = rows.drop(columns="Part of")
    columns = {
        "Registered": cc.NumberColumn(format=_NUMBER),
        "Ballots": cc.NumberColumn(format=_NUMBER),
        "Turnout": cc.ProgressColumn(format=_PERCENT, min_value=0, max_value=100),
    }
    return Table(rows, columns)


def uncounted_table(uncounted: tuple[UncountedMessages, ...]) -> Table:
    """List why messages were not counted, the most frequent reason first."""
    rows = pd.DataFrame(
        {
            "Verdict": [formatting.words(each.verdict) for each in uncounted],
            "Reason": [formatting.words(each.reason) for each in uncounted],
            "Messages": _whole(each.message_count for each in uncounted),
            "What it means": [each.reason_description for each in uncounted],
        }
    )
    return Table(rows, {"Messages": cc.NumberColumn(format=_NUMBER)})


def _rank(candidate: Candidate) -> str:
    if candidate.rank is None or candidate.vote_share is None:
        return ""
    return f"={candidate.rank}" if candidate.is_tied else str(candidate.rank)


def _whole(numbers: Iterable[int | None]) -> pd.Series:
    return pd.Series(list(numbers), dtype="Int64")


def _percent(value: float | None) -> float | None:
    return None if value is None else value * 100
