"""The tables of the pages: rows and how their columns read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from streamlit import column_config as cc
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import formatting
from dashboard.contents import (
    CellVotes,
    Contradiction,
    Correction,
    GroupTurnout,
    OfficialVotes,
    Swing,
    UncountedMessages,
    UnitTurnout,
)
from dashboard.leaders import AreaLeader
from dashboard.snapshot import Candidate, Contest

_NUMBER = "%,d"
_SIGNED_NUMBER = "%+,d"
_PERCENT = "%.1f%%"
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Table:
    """Rows with the look of each column, as `st.dataframe` takes them, and as files."""

    rows: pd.DataFrame
    columns: dict[str, ColumnConfig]

    @cached_property
    def csv(self) -> str:
        """The table as CSV; text that a spreadsheet would take for a formula begins with an apostrophe."""
        rows = self.rows.copy()
        for name in rows.select_dtypes(["object", "string"]):
            rows[name] = [
                f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in rows[name]
            ]
        text: str = rows.to_csv(index=False)
        return text

    @cached_property
    def json(self) -> str:
        """The table as a JSON list of its rows."""
        rows = json.loads(self.rows.to_json(orient="records", date_format="iso"))
        return json.dumps(rows, ensure_ascii=False, indent=1)


def candidate_table(candidates: Sequence[Candidate]) -> Table:
    """List a contest's candidates by rank with votes by method; a tie is marked by =.

    Where there are corrections, they and what was counted stand beside the votes that result.
    """
    corrected = any(each.adjustment_count for each in candidates)
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
            **({"Counted": _whole(each.counted_count for each in candidates)} if corrected else {}),
            **({"Corrections": _whole(each.adjustment_count for each in candidates)} if corrected else {}),
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
        "Counted": cc.NumberColumn(format=_NUMBER, help="Before corrections"),
        "Corrections": cc.NumberColumn(format=_SIGNED_NUMBER, help="By the election office; in the votes already"),
        **{label: cc.NumberColumn(format=_NUMBER) for label in split},
    }
    return Table(rows, columns)


def unit_table(units: Sequence[UnitTurnout]) -> Table:
    """List reporting units with turnout, precincts last; the unit above them only where there are several such."""
    rows = pd.DataFrame(
        {
            "Area": [each.reporting_unit_name for each in units],
            "Kind": [formatting.words(each.reporting_unit_type) for each in units],
            "Part of": [each.parent_name or "" for each in units],
            "Registered": _whole(each.registered_voter_count for each in units),
            "Ballots": _whole(each.ballot_count for each in units),
            "Turnout": [_percent(each.turnout_share) for each in units],
        }
    )
    if len(set(rows["Part of"]) - {""}) <= 1:
        rows = rows.drop(columns="Part of")
    columns = {
        "Registered": cc.NumberColumn(format=_NUMBER),
        "Ballots": cc.NumberColumn(format=_NUMBER),
        "Turnout": cc.ProgressColumn(format=_PERCENT, min_value=0, max_value=100),
    }
    return Table(rows, columns)


def group_table(groups: Sequence[GroupTurnout]) -> Table:
    """List turnout by age group and gender in each unit; suppressed groups have no figures, and say so."""
    rows = pd.DataFrame(
        {
            "Area": [each.reporting_unit_name for each in groups],
            "Age": [each.age_group for each in groups],
            "Gender": [formatting.words(each.gender) for each in groups],
            "Registered": _whole(each.registered_voter_count for each in groups),
            "Ballots": _whole(each.ballot_count for each in groups),
            "Turnout": [_percent(each.turnout_share) for each in groups],
            "Note": ["Not shown: too few people" if each.is_suppressed else "" for each in groups],
        }
    )
    columns = {
        "Registered": cc.NumberColumn(format=_NUMBER),
        "Ballots": cc.NumberColumn(format=_NUMBER),
        "Turnout": cc.ProgressColumn(format=_PERCENT, min_value=0, max_value=100),
    }
    return Table(rows, columns)


def area_table(led: Sequence[AreaLeader]) -> Table:
    """List areas with who leads there, by how much, and how much of them is in."""
    rows = pd.DataFrame(
        {
            "Area": [each.reporting_unit_name for each in led],
            "Leads": [formatting.listed(each.leaders) if each.leaders else "" for each in led],
            "Votes": _whole(each.vote_count for each in led),
            "Margin": _whole(each.margin_count for each in led),
            "Margin in points": [_percent(each.margin_share) for each in led],
            "Precincts counted": [f"{each.all_count:,} of {each.precinct_count:,}" for each in led],
        }
    )
    columns = {
        "Votes": cc.NumberColumn(format=_NUMBER, help="Of all candidates, write-ins included"),
        "Margin": cc.NumberColumn(format=_NUMBER, help="Votes between the last in the lead and the next; 0 for a tie"),
        "Margin in points": cc.NumberColumn(format="%.1f"),
        "Precincts counted": cc.TextColumn(alignment="right", help="Those with all ballots that are expected"),
    }
    return Table(rows, columns)


def cell_table(contest: Contest, cells: Sequence[CellVotes]) -> Table:
    """List a precinct's votes by candidate and method."""
    methods = formatting.methods_in_order({each.method for each in cells})
    votes = {(each.candidate_id, each.method): each.vote_count for each in cells}
    labels = {formatting.method(name): name for name in methods}
    rows = pd.DataFrame(
        {
            "Candidate": [each.candidate_name for each in contest.candidates],
            "Party": [each.party or "" for each in contest.candidates],
            "Votes": _whole(sum(votes.get((one.candidate_id, m), 0) for m in methods) for one in contest.candidates),
            **{
                label: _whole(votes.get((each.candidate_id, name), 0) for each in contest.candidates)
                for label, name in labels.items()
            },
        }
    )
    return Table(rows, {name: cc.NumberColumn(format=_NUMBER) for name in ("Votes", *labels)})


def uncounted_table(uncounted: Sequence[UncountedMessages]) -> Table:
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


def correction_table(corrections: Sequence[Correction]) -> Table:
    """List the office's corrections, the latest first."""
    rows = pd.DataFrame(
        {
            "When": [each.adjusted_at for each in corrections],
            "Contest": [each.contest_id for each in corrections],
            "Candidate": [each.candidate_id for each in corrections],
            "Precinct": [each.precinct_id for each in corrections],
            "Method": [formatting.method(each.method) for each in corrections],
            "Votes": _whole(each.vote_change for each in corrections),
            "Why": [each.reason for each in corrections],
            "By": [each.adjusted_by for each in corrections],
            "Id": [each.adjustment_id for each in corrections],
        }
    )
    return Table(rows, {"When": cc.DatetimeColumn(), "Votes": cc.NumberColumn(format=_SIGNED_NUMBER)})


def contradiction_table(contradictions: Sequence[Contradiction]) -> Table:
    """List what the source contradicts in itself."""
    rows = pd.DataFrame(
        {
            "Kind": [formatting.words(each.kind) for each in contradictions],
            "Precinct": [each.precinct_id or "" for each in contradictions],
            "Contest": [each.contest_id or "" for each in contradictions],
            "Candidate": [each.candidate_id or "" for each in contradictions],
            "Method": [formatting.method(each.method) if each.method else "" for each in contradictions],
            "Found": [each.found or "" for each in contradictions],
            "Expected": [each.expected or "" for each in contradictions],
            "What was done": [each.action for each in contradictions],
        }
    )
    return Table(rows, {})


def official_table(official: Sequence[OfficialVotes]) -> Table:
    """List contests with our votes beside the official ones."""
    rows = pd.DataFrame(
        {
            "Contest": [each.contest_name for each in official],
            "Ours": _whole(each.vote_count for each in official),
            "Official": _whole(each.official_vote_count for each in official),
            "Difference": _whole(each.vote_count - each.official_vote_count for each in official),
            "Cells that differ": _whole(each.differing_count for each in official),
        }
    )
    columns = {
        "Ours": cc.NumberColumn(format=_NUMBER, help="Over the cells that the source published, corrections included"),
        "Official": cc.NumberColumn(format=_NUMBER),
        "Difference": cc.NumberColumn(format=_SIGNED_NUMBER),
        "Cells that differ": cc.NumberColumn(format=_NUMBER, help="A cell is a precinct and a method"),
    }
    return Table(rows, columns)


def swing_table(swings: Sequence[Swing]) -> Table:
    """List parties with their shares now and then, and the points between."""
    rows = pd.DataFrame(
        {
            "Party": [each.party for each in swings],
            "Share": [_percent(each.vote_share) for each in swings],
            "Before": [_percent(each.baseline_share) for each in swings],
            "Swing in points": [_percent(each.points) for each in swings],
        }
    )
    columns = {
        "Share": cc.NumberColumn(format=_PERCENT),
        "Before": cc.NumberColumn(format=_PERCENT),
        "Swing in points": cc.NumberColumn(format="%+.1f"),
    }
    return Table(rows, columns)


def _rank(candidate: Candidate) -> str:
    if candidate.rank is None or candidate.vote_share is None:
        return ""
    return f"={candidate.rank}" if candidate.is_tied else str(candidate.rank)


def _whole(numbers: Iterable[int | None]) -> pd.Series:
    return pd.Series(list(numbers), dtype="Int64")


def _percent(value: float | None) -> float | None:
    return None if value is None else value * 100
