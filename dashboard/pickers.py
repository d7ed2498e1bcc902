"""The pickers of election and contest. The choice lives in the URL, so that a link opens the same view."""

from collections.abc import Mapping

import streamlit as st

from dashboard.snapshot import Contest, Election


def pick_election(elections: tuple[Election, ...], shown_id: str | None) -> None:
    """Let the viewer choose an election; the next refresh shows it."""
    names = {each.election_id: each.election_name for each in elections}
    _pick("Election", names, shown_id, "election", key="election")


def pick_contest(contests: tuple[Contest, ...], election_id: str) -> Contest | None:
    """Let the viewer choose a contest; the first where the URL names none of this election."""
    by_id = {each.contest_id: each for each in contests}
    if not by_id:
        return None
    asked = st.query_params.get("contest")
    shown_id = asked if asked in by_id else next(iter(by_id))
    names = {each.contest_id: each.contest_name for each in contests}
    _pick("Contest", names, shown_id, "contest", key=f"contest of {election_id}")
    return by_id[shown_id]


def _pick(label: str, names: Mapping[str, str], shown_id: str | None, parameter: str, key: str) -> None:
    # The URL decides, also when it changes by the browser's back button; the box follows it.
    st.session_state[key] = shown_id
    st.selectbox(
        label,
        list(names),
        format_func=lambda identifier: names.get(identifier, identifier),
        key=key,
        # Without a default the box is empty; with one it cannot be emptied.
        index=None if shown_id is None else 0,
        on_change=_put_into_url,
        args=(parameter, key),
    )


def _put_into_url(parameter: str, key: str) -> None:
    chosen = st.session_state[key]
    if parameter == "election":
        st.query_params.from_dict({"election": chosen})
    else:
        st.query_params[parameter] = chosen
