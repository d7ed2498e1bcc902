"""The pickers of a page. Each choice lives in the URL, so that a link opens the same view."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.snapshot import Contest, Election

# The parameters of the URL, in the order in which `live.read` takes them; each one's choice undoes those after it.
CHOICES = ("election", "contest", "level", "unit")


def pick_election(elections: Sequence[Election], shown_id: str | None) -> None:
    """Let the viewer choose an election; the next refresh shows it."""
    names = {each.election_id: each.election_name for each in elections}
    _pick("Election", names, shown_id, "election", key="election")


def pick_contest(contests: Sequence[Contest], shown: Contest, election_id: str) -> None:
    """Let the viewer choose a contest of the election."""
    names = {each.contest_id: each.contest_name for each in contests}
    _pick("Contest", names, shown.contest_id, "contest", key=f"contest of {election_id}")


def pick_level(levels: Mapping[str, str], shown: str, election_id: str) -> None:
    """Let the viewer choose a level of reporting units, given with their labels."""
    _pick("Areas", levels, shown, "level", key=f"level of {election_id}")


def pick_unit(names: Mapping[str, str], shown_id: str | None, election_id: str) -> None:
    """Let the viewer choose one reporting unit."""
    _pick("Look at one", names, shown_id, "unit", key=f"unit of {election_id}")


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
    before = CHOICES[: CHOICES.index(parameter)]
    kept = {name: st.query_params[name] for name in before if name in st.query_params}
    # Another contest is looked at in the same areas.
    if parameter == "contest":
        kept |= {name: st.query_params[name] for name in ("level", "unit") if name in st.query_params}
    st.query_params.from_dict({**kept, parameter: st.session_state[key]})
