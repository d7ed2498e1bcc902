"""The pieces that pages are made of: tiles, tables with their downloads, charts.

Tables and charts are made once per refresh for all its viewers: drawing a chart costs ten times what sending it does.
"""

from collections.abc import Callable
from typing import Any, Literal

import altair as alt
import streamlit as st

from dashboard import formatting
from dashboard.snapshot import Snapshot
from dashboard.tables import Table

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
Spec = dict[str, Any]

# Text on charts, by theme: the same as textColor in .streamlit/config.toml.
_INK = {"light": "#16191f", "dark": "#f2f4f7"}
# A table of more rows than this is as high, in pixels, as these, and scrolls.
_LONG, _LONG_HEIGHT = 14, 520


def tiles(*figures: tuple[str, str]) -> None:
    """Show labelled figures side by side, in as many rows as the screen needs."""
    with st.container(horizontal=True):
        for label, value in figures:
            st.metric(label, value, border=True)


def table(snapshot: Snapshot, description: str, make: Callable[[], Table]) -> None:
    """Show a table whose scroll and sort order outlive a refresh, and offer it as files; a long one scrolls."""
    shown = snapshot.once(description, make)
    height: int | Literal["content"] = _LONG_HEIGHT if len(shown.rows) > _LONG else "content"
    st.dataframe(
        shown.rows,
        column_config=shown.columns,
        hide_index=True,
        height=height,
        placeholder=formatting.UNKNOWN,
        key=description,
        alt=description,
    )
    name = formatting.file_name(description)
    with st.container(horizontal=True, gap="small"):
        for kind, mime, data in (
            ("CSV", "text/csv", shown.csv),
            ("JSON", "application/json", shown.json),
        ):
            st.download_button(
                kind,
                data,
                f"{name}.{kind.lower()}",
                mime,
                key=f"{description} as {kind}",
                help=f"{description}, as {kind}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )


def drawn(snapshot: Snapshot, name: str, draw: Callable[[str], Drawing | None]) -> Spec | None:
    """Return a chart as Vega-Lite, None where there is nothing to draw; `draw` is given the colour of text.

    Vega does not take that from the viewer's theme by itself.
    """
    ink = _INK[st.context.theme.type or "light"]

    def spec() -> Spec | None:
        drawing = draw(ink)
        return None if drawing is None else drawing.to_dict()

    return snapshot.once((name, ink), spec)


def chart(spec: Spec | None, key: str, described: str) -> None:
    """Show a chart where there is one, with its text for those who do not see it."""
    if spec is not None:
        st.vega_lite_chart(spec, key=key, alt=described)
