"""The page of areas: who leads where, and one precinct in detail."""

import streamlit as st

from dashboard import figures, formatting, tables
from dashboard.contents import Areas
from dashboard.formatting import plain
from dashboard.leaders import leaders_of
from dashboard.live import live, signed, withheld
from dashboard.pickers import pick_contest, pick_level, pick_unit
from dashboard.shown import chart, drawn, table
from dashboard.snapshot import Contest, Election, Snapshot


def areas(snapshot: Snapshot, election: Election, content: Areas) -> None:
    """Lay out the page from top to bottom."""
    contest = snapshot.contest
    if contest is None or content.level is None:
        st.info("This election has no contests." if contest is None else "This election has no areas.")
        return
    which, level = st.columns(2)
    with which:
        pick_contest(snapshot.contests, contest, election.election_id)
    with level:
        labels = {each: formatting.words(each) for each in content.levels}
        pick_level(labels, content.level, election.election_id)
    st.header(plain(contest.contest_name), anchor=False)
    if not contest.candidates:
        st.info(withheld(election))
        return
    by_area(snapshot, contest, content)
    one_area(snapshot, contest, election, content)
    signed(snapshot, election)


def by_area(snapshot: Snapshot, contest: Contest, content: Areas) -> None:
    """List the areas with who leads there, and draw the first of them small and side by side."""
    led = leaders_of(contest, content.votes)
    table(snapshot, f"{contest.contest_name} by {content.level}", lambda: tables.area_table(led))
    multiples = drawn(snapshot, "area_multiples", lambda ink: figures.area_multiples(contest, content.votes, ink))
    if multiples is not None:
        st.subheader("Side by side", anchor=False)
        chart(
            multiples, "area_multiples", f"Small bars of {contest.contest_name}, one picture per area; the table above."
        )
        if len(led) > figures.MULTIPLES:
            st.caption(f"The {figures.MULTIPLES} areas with the most votes, of {len(led):,}.")


def one_area(snapshot: Snapshot, contest: Contest, election: Election, content: Areas) -> None:
    """Show the chosen precinct by method."""
    st.header("One area in detail", anchor=False)
    names = {each.reporting_unit_id: each.reporting_unit_name for each in content.votes}
    shown_id = content.unit_id if content.unit_id in names else None
    pick_unit(names, shown_id, election.election_id)
    if shown_id is None:
        return
    if not content.cells:
        st.caption("Votes by method are kept for precincts.")
        return
    description = f"{contest.contest_name} in {names[shown_id]}"
    table(snapshot, description, lambda: tables.cell_table(contest, content.cells))


live("areas", Areas, areas)
