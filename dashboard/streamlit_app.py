"""The results page, from top to bottom: run it with `streamlit run dashboard/streamlit_app.py`."""

from typing import Literal

import streamlit as st

from dashboard import figures, formatting, queries, tables
from dashboard.connection import ResultsUnavailableError
from dashboard.formatting import plain
from dashboard.pickers import pick_contest, pick_election
from dashboard.snapshot import Contest, Election, Snapshot
from dashboard.standing import ballot_sentence, standing

# Text on charts, by theme: the same as textColor in .streamlit/config.toml.
_INK = {"light": "#16191f", "dark": "#f2f4f7"}


@st.cache_data(ttl=1.5, max_entries=100, show_spinner=False)
def read(election_id: str | None) -> Snapshot | str:
    """Read the marts once for all viewers of an election; what keeps us from it is a sentence, shared too."""
    try:
        return queries.load(election_id)
    except ResultsUnavailableError as error:
        return str(error)


@st.fragment(run_every="2s")
def live_results() -> None:
    """Show the newest figures; whatever is missing now is asked for again by the next refresh."""
    asked = st.query_params.get("election")
    found = read(asked)
    if isinstance(found, str):
        notice("The results cannot be shown now", f"{found} This page tries again every two seconds.")
    elif not found.elections:
        notice("There is no election yet", "One that is registered and opened appears here by itself.")
    elif found.election is None:
        notice(
            f"There is no election “{asked}”",
            "Choose one of those below, or wait: it appears once it is opened.",
        )
        pick_election(found.elections, None)
    else:
        election_page(found, found.election)


def notice(title: str, sentence: str) -> None:
    """Say on an otherwise empty page what is the matter, and that figures would be unofficial."""
    st.title(plain(title), anchor=False)
    st.info(plain(sentence), icon=":material/hourglass_empty:")
    st.caption("Unofficial results · no figures to show")


def election_page(snapshot: Snapshot, election: Election) -> None:
    """Lay out one election."""
    heading(snapshot, election)
    key_figures(election)
    results, turnout = st.columns([3, 2], gap="large")
    with results:
        contest_results(snapshot, election)
    with turnout:
        turnout_results(snapshot, election)
    messages(snapshot, election)


def heading(snapshot: Snapshot, election: Election) -> None:
    """Name the election, its standing in law, and the age of the figures."""
    title, picker = st.columns([3, 1], vertical_alignment="bottom")
    with title:
        with st.container(horizontal=True, gap="small"):
            official = election.status == "certified"
            st.badge(plain(formatting.status(election.status)), color="green" if official else "orange")
            if election.is_test:
                st.badge("Test election", color="violet")
        st.title(plain(election.election_name), anchor=False)
    with picker:
        pick_election(snapshot.elections, election.election_id)
    about = (
        formatting.day(election.election_date),
        formatting.words(election.election_type),
        formatting.counted(election.precinct_count, "precinct"),
        formatting.counted(election.contest_count, "contest"),
    )
    st.caption(plain(" · ".join(about)))
    st.markdown(f"**{as_of(snapshot, election)}**")


def as_of(snapshot: Snapshot, election: Election) -> str:
    """Say when the last ballot shown was counted, on the viewer's clock, and at which position."""
    return (
        f"{formatting.as_of(election.counted_at, snapshot.read_at, st.context.timezone)} · "
        f"position {formatting.count(election.position)}"
    )


def key_figures(election: Election) -> None:
    """Show the four figures of the whole election."""
    tiles(
        ("Ballots counted", formatting.count(election.counted_count)),
        ("Registered voters", formatting.count(election.registered_voter_count)),
        ("Turnout", formatting.share(election.turnout_share)),
        ("Messages not counted", formatting.count(election.uncounted_count)),
    )
    if not election.counted_count:
        st.info("No ballots have been counted yet. Figures appear here as they come in.")


def contest_results(snapshot: Snapshot, election: Election) -> None:
    """Show one contest head to head, and as a table."""
    st.header("Results", anchor=False)
    contest = pick_contest(snapshot.contests, election.election_id)
    if contest is None:
        st.info("This election has no contests.")
        return
    st.subheader(plain(contest.contest_name), anchor=False)
    if not contest.candidates:
        st.info(withheld(election))
        return
    st.markdown(f"**{plain(standing(contest))}**")
    st.altair_chart(figures.candidate_bars(contest, ink()), key="candidate_bars", alt=figures.described(contest))
    show(tables.candidate_table(contest.candidates), f"{contest.contest_name} by candidate")
    contest_notes(snapshot, election, contest)


def contest_notes(snapshot: Snapshot, election: Election, contest: Contest) -> None:
    """Repeat under the table what a picture of it alone must not lose."""
    st.caption(plain(ballot_sentence(contest)))
    st.caption(f"{plain(formatting.status(election.status))} · {as_of(snapshot, election)}")


def withheld(election: Election) -> str:
    """Say why a contest shows no candidates' votes, and until when."""
    if election.publish == "at_close" and election.closes_at is not None:
        return f"Votes are shown after the polls close at {formatting.clock(election.closes_at, st.context.timezone)}."
    return "This contest has no candidates."


def turnout_results(snapshot: Snapshot, election: Election) -> None:
    """Show who came: by method, and precinct by precinct."""
    st.header("Turnout", anchor=False)
    if election.registered_voter_count is None:
        st.caption("The number of registered voters is not published for every precinct, so there is no total turnout.")
    if set(snapshot.ballots_by_method) - {"total"}:
        st.subheader("Ballots by method", anchor=False)
        alt = "Bars of ballots by voting method."
        st.altair_chart(figures.method_bars(snapshot.ballots_by_method, ink()), key="method_bars", alt=alt)
    st.subheader("By precinct", anchor=False)
    show(tables.precinct_table(snapshot.precincts), "Turnout by precinct", height=520)


def messages(snapshot: Snapshot, election: Election) -> None:
    """Account for every message on the election's log."""
    st.header("Every message accounted for", anchor=False)
    tiles(
        ("Counted", formatting.count(election.counted_count)),
        ("Rejected by a rule", formatting.count(election.rejected_count)),
        ("Quarantined", formatting.count(election.quarantined_count)),
        ("Empty offsets", formatting.count(election.hole_count)),
        ("Position", formatting.count(election.position)),
    )
    if snapshot.uncounted:
        show(tables.uncounted_table(snapshot.uncounted), "Messages not counted, by reason")
    st.caption("Counted, rejected, quarantined and empty offsets add up to the position: how far the log is judged.")


def tiles(*figures_shown: tuple[str, str]) -> None:
    """Show labelled figures side by side, in as many rows as the screen needs."""
    with st.container(horizontal=True):
        for label, value in figures_shown:
            st.metric(label, value, border=True)


def show(table: tables.Table, description: str, height: int | Literal["content"] = "content") -> None:
    """Show a table whose scroll and sort order outlive a refresh."""
    st.dataframe(
        table.rows,
        column_config=table.columns,
        hide_index=True,
        height=height,
        placeholder=formatting.UNKNOWN,
        key=description,
        alt=description,
    )


def ink() -> str:
    """Return the colour of text in the viewer's theme."""
    return _INK[st.context.theme.type or "light"]


st.set_page_config(page_title="Election results", page_icon=":material/how_to_vote:", layout="wide")
live_results()
