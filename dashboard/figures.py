"""The charts: values in, Altair out. Candidates' names are only ever data, drawn as text."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from dashboard import formatting
from dashboard.colours import candidate_colours
from dashboard.snapshot import Candidate, Contest

_ROW_HEIGHT = 50
_BAR_HEIGHT = 16
# The bar sits below its text, both inside the row.
_TEXT_SHIFT, _BAR_SHIFT = -11, 9
# Room kept for "1,234,567 · 100.0%" at the right end.
_FIGURES_WIDTH = 150
_TRACK = "#8a93a2"
_METHOD_COLOUR = "#5b6b82"


def candidate_bars(contest: Contest, ink: str) -> alt.LayerChart:
    """Draw a contest head to head: a name and figures over a bar of the whole contest's length.

    `ink` is the colour of text, which Vega does not take from the page.
    """
    colours = candidate_colours(contest.candidates)
    return _bars(
        pd.DataFrame(
            {
                "label": _name(candidate),
                "figures": f"{formatting.count(candidate.vote_count)} · {formatting.share(candidate.vote_share)}",
                "share": candidate.vote_share or 0.0,
                "colour": colours[candidate.candidate_id],
                "place": place,
            }
            for place, candidate in enumerate(contest.candidates)
        ),
        ink,
    )


def method_bars(ballots_by_method: Mapping[str, int], ink: str) -> alt.LayerChart:
    """Draw how the ballots came in, each method as a share of all."""
    total = sum(ballots_by_method.values())
    rows = []
    for place, method in enumerate(formatting.methods_in_order(ballots_by_method)):
        ballots = ballots_by_method[method]
        value = ballots / total if total else 0.0
        figures = f"{formatting.count(ballots)} · {formatting.share(value if total else None)}"
        label = formatting.method(method)
        rows.append({"label": label, "figures": figures, "share": value, "colour": _METHOD_COLOUR, "place": place})
    return _bars(pd.DataFrame(rows), ink)


def described(contest: Contest) -> str:
    """Tell the candidates' chart in words, for readers who do not see it."""
    lines = (
        f"{_name(each)}: {formatting.counted(each.vote_count, 'vote')}, {formatting.share(each.vote_share)}"
        for each in contest.candidates
    )
    return f"Bars of {contest.contest_name}. {'; '.join(lines)}."


def _name(candidate: Candidate) -> str:
    return f"{candidate.candidate_name} ({candidate.party})" if candidate.party else candidate.candidate_name


def _bars(rows: pd.DataFrame, ink: str) -> alt.LayerChart:
    base = alt.Chart(rows).encode(y=alt.Y("place:O", axis=None))
    share = alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1]))
    track = base.mark_bar(height=_BAR_HEIGHT, yOffset=_BAR_SHIFT, color=_TRACK, opacity=0.18, cornerRadius=2)
    bar = base.mark_bar(height=_BAR_HEIGHT, yOffset=_BAR_SHIFT, cornerRadius=2)
    name = base.mark_text(
        align="left",
        dy=_TEXT_SHIFT,
        fontSize=15,
        fontWeight=600,
        color=ink,
        limit=alt.ExprRef(f"width - {_FIGURES_WIDTH}"),
    )
    figures = base.mark_text(align="right", dy=_TEXT_SHIFT, fontSize=15, color=ink)
    chart: alt.LayerChart = (
        alt.layer(
            track.encode(x=alt.value(0), x2=alt.value("width")),
            bar.encode(x=share, color=alt.Color("colour:N", scale=None)),
            name.encode(x=alt.value(0), text="label:N"),
            figures.encode(x=alt.value("width"), text="figures:N"),
        )
        .properties(height=alt.Step(_ROW_HEIGHT))
        .configure_view(stroke=None)
    )
    return chart
