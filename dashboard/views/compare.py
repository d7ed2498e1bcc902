"""The page of comparisons: ours beside the official figures, and this election beside an earlier one."""

import streamlit as st

from dashboard import figures, tables
from dashboard.contents import Comparison
from dashboard.formatting import plain
from dashboard.live import live, signed, withheld
from dashboard.pickers import pick_contest
from dashboard.shown import chart, drawn, table
from dashboard.snapshot import Election, Snapshot


def compare(snapshot: Snapshot, election: Election, content: Comparison) -> None:
    """Lay out the page from top to bottom."""
    st.header("Official figures beside ours", anchor=False)
    if content.official:
        table(snapshot, "Official votes beside ours", lambda: tables.official_table(content.official))
    else:
        st.caption("No official figures are published for this election, or its choices are not shown yet.")
    swing(snapshot, election, content)
    signed(snapshot, election)


def swing(snapshot: Snapshot, election: Election, content: Comparison) -> None:
    """Show how shares moved since the election that this one is compared with."""
    st.header("Swing", anchor=False)
    if content.baseline_name is None:
        st.caption("No earlier election is named to compare this one with: `baseline` in its election.yaml does.")
        return
    contest = snapshot.contest
    if contest is None:
        st.info("This election has no contests.")
        return
    st.caption(plain(f"Compared with {content.baseline_name}, in points of the share of votes."))
    pick_contest(snapshot.contests, contest, election.election_id)
    if not contest.candidates:
        st.info(withheld(election))
        return
    table(snapshot, f"Swing in {contest.contest_name}", lambda: tables.swing_table(content.swings))
    bars = drawn(snapshot, "swing_bars", lambda ink: figures.swing_bars(content.swings, ink))
    chart(bars, "swing_bars", f"Bars of the swing in {contest.contest_name}; the table above.")


live("compare", Comparison, compare)
