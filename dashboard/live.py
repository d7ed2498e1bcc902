"""The frame of every page: it asks again every two seconds, and says plainly where there is nothing to show."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from dashboard import formatting, queries
from dashboard.connection import ResultsUnavailableError
from dashboard.formatting import plain
from dashboard.freshness import Level, freshness, has_stopped
from dashboard.pickers import CHOICES, pick_election
from dashboard.snapshot import Election, Snapshot

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class PageLink:
    """How a page is called."""

    title: str
    icon: str


PAGES = {
    "results": PageLink("Results", ":material/leaderboard:"),
    "turnout": PageLink("Turnout", ":material/groups:"),
    "areas": PageLink("Areas", ":material/map:"),
    "integrity": PageLink("Integrity", ":material/fact_check:"),
    "compare": PageLink("Compare", ":material/compare_arrows:"),
}
_COLOURS = {Level.AMBER: "orange", Level.RED: "red"}


@st.cache_resource(ttl=1.5, max_entries=100, show_spinner=False)
def read(
    page: str, election_id: str | None, contest_id: str | None, level: str | None, unit_id: str | None
) -> Snapshot | str:
    """Read the marts once for all viewers of a view; what keeps us from it is a sentence, shared too."""
    try:
        return queries.load(page, election_id, contest_id, level, unit_id)
    except ResultsUnavailableError as error:
        return str(error)


@st.cache_resource(show_spinner=False)
def spare_what_is_loaded() -> None:
    """Keep all that is loaded by now out of garbage collections, once for this process.

    Streamlit collects everything after each refresh of each viewer, which would cost more than the refresh.
    """
    gc.collect()
    gc.freeze()


@st.fragment(run_every="2s")
def live(page: str, kind: type[Content], show: Callable[[Snapshot, Election, Content], None]) -> None:
    """Show a page of the newest figures; whatever is missing now is asked for again by the next refresh."""
    links(page)
    asked = [st.query_params.get(name) for name in CHOICES]
    found = read(page, *asked)
    if isinstance(found, str):
        notice("The results cannot be shown now", f"{found} This page tries again every two seconds.")
    elif not found.elections:
        notice("There is no election yet", "One that is registered and opened appears here by itself.")
    elif found.election is None:
        notice(
            f"There is no election “{asked[0]}”",
            "Choose one of those below, or wait: it appears once it is opened.",
        )
        pick_election(found.elections, None)
    else:
        heading(found, found.election)
        assert isinstance(found.content, kind)
        show(found, found.election, found.content)
        spare_what_is_loaded()


def links(shown: str) -> None:
    """Link the pages, each with the choices made so far."""
    kept = {name: st.query_params[name] for name in CHOICES if name in st.query_params}
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="pages"):
        for name, page in PAGES.items():
            if name == shown:
                # A link to the page itself would lose the choices.
                st.badge(page.title, icon=page.icon, color="primary")
            else:
                st.page_link(f"views/{name}.py", label=page.title, icon=page.icon, query_params=kept)


def notice(title: str, sentence: str) -> None:
    """Say on an otherwise empty page what is the matter, and that figures would be unofficial."""
    st.title(plain(title), anchor=False)
    st.info(plain(sentence), icon=":material/hourglass_empty:")
    st.caption("Unofficial results · no figures to show")


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
    data_age(snapshot, election)
    if has_stopped(snapshot.health):
        ended = snapshot.health.ended_why if snapshot.health else None
        st.warning(
            plain(
                "The count has stopped while ballots wait: the figures stand as they were."
                + (f" It said last: {ended}." if ended else "")
                + " They go on by themselves once it is started again."
            ),
            icon=":material/pause_circle:",
        )
    if not election.counted_count:
        st.info("No ballots have been counted yet. Figures appear here as they come in.")


def data_age(snapshot: Snapshot, election: Election) -> None:
    """Say how old the figures are: amber from 15 s on and red from 60 s on, with the reason."""
    found = freshness(snapshot, election)
    text = plain(as_of(snapshot, election))
    colour = _COLOURS.get(found.level)
    if colour is None:
        st.markdown(f"**{text}**")
    else:
        st.markdown(f":{colour}[**{text}**] {plain(found.reason)}")


def as_of(snapshot: Snapshot, election: Election) -> str:
    """Say when the last ballot shown was counted, on the viewer's clock, and at which position."""
    return (
        f"{formatting.as_of(election.counted_at, snapshot.read_at, st.context.timezone)} · "
        f"position {formatting.count(election.position)}"
    )


def signed(snapshot: Snapshot, election: Election) -> None:
    """Repeat under a figure what a picture of it alone must not lose."""
    st.caption(f"{plain(formatting.status(election.status))} · {plain(as_of(snapshot, election))}")


def withheld(election: Election) -> str:
    """Say why a contest shows no candidates' votes, and until when."""
    if election.publish == "at_close" and election.closes_at is not None:
        return f"Votes are shown after the polls close at {formatting.clock(election.closes_at, st.context.timezone)}."
    return "This contest has no candidates."
