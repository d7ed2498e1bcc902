"""The page of turnout: who came, how, where, and when."""

import streamlit as st

from dashboard import figures, figures_over_time, formatting, tables
from dashboard.contents import Turnout
from dashboard.live import live, signed
from dashboard.shown import chart, drawn, table, tiles
from dashboard.snapshot import Election, Snapshot


def turnout(snapshot: Snapshot, election: Election, content: Turnout) -> None:
    """Lay out the page from top to bottom."""
    tiles(
        ("Registered voters", formatting.count(election.registered_voter_count)),
        ("Ballots counted", formatting.count(election.counted_count)),
        ("Turnout", formatting.share(election.turnout_share)),
    )
    if election.registered_voter_count is None:
        st.caption("The number of registered voters is not published for every precinct, so there is no total turnout.")
    over_time, by_method = st.columns([3, 2], gap="large")
    with over_time:
        when(snapshot, content)
    with by_method:
        how(snapshot, content)
    st.header("By area", anchor=False)
    table(snapshot, "Turnout by area", lambda: tables.unit_table(content.units))
    who(snapshot, content)
    signed(snapshot, election)


def when(snapshot: Snapshot, content: Turnout) -> None:
    """Draw the ballots as they came in."""
    st.header("Ballots per minute", anchor=False)
    if not content.arrivals:
        st.caption("No ballot has come in yet.")
        return
    areas = drawn(snapshot, "per_minute", lambda ink: figures_over_time.ballots_per_minute(content.arrivals, ink))
    chart(areas, "ballots_per_minute", "Areas of ballots per minute by voting method.")


def how(snapshot: Snapshot, content: Turnout) -> None:
    """Draw the ballots by method, where the source tells methods apart."""
    st.header("By method", anchor=False)
    if not set(content.ballots_by_method) - {"total"}:
        st.caption("The source does not tell voting methods apart.")
        return
    bars = drawn(snapshot, "method_bars", lambda ink: figures.method_bars(content.ballots_by_method, ink))
    chart(bars, "method_bars", "Bars of ballots by voting method.")


def who(snapshot: Snapshot, content: Turnout) -> None:
    """List turnout by age and gender."""
    st.header("By age and gender", anchor=False)
    if not content.groups:
        st.caption("There is no unit above the precincts for which it could be told.")
        return
    table(snapshot, "Turnout by age and gender", lambda: tables.group_table(content.groups))
    st.caption("Groups of fewer than ten people, and those that would tell of them, are not shown.")


live("turnout", Turnout, turnout)
