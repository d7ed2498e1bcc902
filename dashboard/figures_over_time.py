"""The charts over time: values in, Altair out."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import altair as alt
import pandas as pd

from dashboard import formatting
from dashboard.colours import candidate_colours
from dashboard.contents import Arrivals, PastShare
from dashboard.snapshot import Contest

# More lines than these cannot be told apart.
_LINES = 5
_HEIGHT = 260
# What a chart has at least; its bars are as broad as their number allows in it.
_WIDTH = 300
_SHORT = timedelta(minutes=10)
_METHOD_COLOURS = {
    "election_day": "#2F6FD0",
    "mail": "#B58900",
    "early": "#1AA57C",
    "provisional": "#8430F5",
    "total": "#5b6b82",
}
_OTHER_METHOD = "#8D4C8F"


def shares_over_time(contest: Contest, history: Sequence[PastShare], ink: str) -> alt.Chart:
    """Draw the leading candidates' shares at each moment of the night."""
    names = {each.candidate_id: each.candidate_name for each in contest.ranked[:_LINES]}
    colours = candidate_colours(contest.candidates)
    rows = [
        {"at": each.as_of_at, "name": names[each.candidate_id], "share": each.vote_share}
        for each in history
        if each.candidate_id in names and each.vote_share is not None
    ]
    scale = alt.Scale(domain=list(names.values()), range=[colours[each] for each in names])
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows, columns=["at", "name", "share"]))
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x=alt.X("at:T", title=None, axis=_axis(ink, _clock([each.as_of_at for each in history]))),
            y=alt.Y("share:Q", title="Share of votes", axis=_axis(ink, "%")),
            color=alt.Color("name:N", scale=scale, legend=_legend(ink)),
            tooltip=[
                alt.Tooltip("name:N"),
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("at:T", format="%H:%M:%S"),
            ],
        )
        .properties(height=_HEIGHT)
    )
    return chart


def ballots_per_minute(arrivals: Sequence[Arrivals], ink: str) -> alt.Chart:
    """Draw ballots per minute as they came in, the methods on top of each other."""
    methods = formatting.methods_in_order({each.method for each in arrivals})
    rows = [
        {
            "at": each.appended_minute,
            "method": formatting.method(each.method),
            "ballots": each.ballot_count / each.minutes,
        }
        for each in arrivals
    ]
    scale = alt.Scale(
        domain=[formatting.method(each) for each in methods],
        range=[_METHOD_COLOURS.get(each, _OTHER_METHOD) for each in methods],
    )
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(size=max(2, _WIDTH // (len({each.appended_minute for each in arrivals}) + 1)))
        .encode(
            x=alt.X("at:T", title=None, axis=_axis(ink, _clock([each.appended_minute for each in arrivals]))),
            y=alt.Y("sum(ballots):Q", title="Ballots per minute", axis=_axis(ink)),
            color=alt.Color("method:N", scale=scale, legend=_legend(ink)),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("sum(ballots):Q", format=",.0f"),
                alt.Tooltip("at:T", format="%H:%M"),
            ],
        )
        .properties(height=_HEIGHT)
    )
    return chart


def _axis(ink: str, form: str = ",") -> alt.Axis:
    return alt.Axis(
        labelColor=ink,
        titleColor=ink,
        labelFontSize=12,
        titleFontSize=12,
        tickCount=5,
        labelOverlap=True,
        format=form,
    )


def _clock(moments: Sequence[datetime]) -> str:
    """Return how times are written: with seconds where few minutes are drawn."""
    return "%H:%M" if max(moments) - min(moments) > _SHORT else "%H:%M:%S"


def _legend(ink: str) -> alt.Legend:
    return alt.Legend(title=None, orient="top", labelColor=ink, labelFontSize=13, columns=3, labelLimit=180)
