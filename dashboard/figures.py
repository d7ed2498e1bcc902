"""The charts: values in, Altair out. Candidates' names are only ever data, drawn as text."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from dashboard import formatting
from dashboard.colours import candidate_colours
from dashboard.contents import AreaVotes, Swing
from dashboard.snapshot import Candidate, Contest

_ROW_HEIGHT = 50
_BAR_HEIGHT = 16
# The bar sits below its text, both inside the row.
_TEXT_SHIFT, _BAR_SHIFT = -11, 9
# Room kept for "1,234,567 · 100.0%" at the right end.
_FIGURES_WIDTH = 150
_TRACK = "#8a93a2"
_METHOD_COLOUR = "#5b6b82"
_MORE, _LESS = "#2F6FD0", "#B58900"
# Small pictures beside each other, and the bars in each.
MULTIPLES, _BARS_EACH = 12, 4


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


def area_multiples(contest: Contest, votes: Sequence[AreaVotes], ink: str) -> alt.FacetChart | None:
    """Draw the areas with the most votes as small pictures of the leading candidates' shares; None without votes."""
    totals: dict[str, int] = {}
    for each in votes:
        totals[each.reporting_unit_id] = totals.get(each.reporting_unit_id, 0) + each.vote_count
    largest = sorted((area for area in totals if totals[area]), key=lambda area: -totals[area])[:MULTIPLES]
    drawn = contest.ranked[:_BARS_EACH]
    if len(largest) < 2 or not drawn:
        return None
    colours = candidate_colours(contest.candidates)
    names = {each.candidate_id: each.candidate_name for each in drawn}
    rows = [
        {
            "area": each.reporting_unit_name,
            "place": largest.index(each.reporting_unit_id),
            "name": names[each.candidate_id],
            "order": list(names).index(each.candidate_id),
            "share": each.vote_count / totals[each.reporting_unit_id],
            "colour": colours[each.candidate_id],
        }
        for each in votes
        if each.candidate_id in names and each.reporting_unit_id in largest
    ]
    bars = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(height=12, cornerRadius=2)
        .encode(
            x=alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("order:O", axis=None),
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(width=150, height=alt.Step(15))
    )
    header = alt.Header(title=None, labelColor=ink, labelFontSize=13, labelAnchor="start", labelLimit=150)
    by_size = alt.EncodingSortField("place", op="min")
    chart: alt.FacetChart = bars.facet(alt.Facet("area:N", header=header, sort=by_size), columns=4)
    return chart


def swing_bars(swings: Sequence[Swing], ink: str) -> alt.Chart | None:
    """Draw the points that each party won or lost; None where no two shares can be compared."""
    rows = [
        {"party": each.party, "points": each.points * 100, "colour": _MORE if each.points >= 0 else _LESS}
        for each in swings
        if each.points is not None
    ]
    if not rows:
        return None
    axis = alt.Axis(labelColor=ink, titleColor=ink, labelFontSize=13)
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(height=18)
        .encode(
            x=alt.X("points:Q", title="Points", axis=alt.Axis(labelColor=ink, titleColor=ink, tickCount=6)),
            y=alt.Y("party:N", sort=None, title=None, axis=axis),
            color=alt.Color("colour:N", scale=None),
        )
        .properties(height=alt.Step(28))
    )
    return chart


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
