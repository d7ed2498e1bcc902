"""The page of integrity: every message accounted for, and what the figures are checked against."""

import streamlit as st

from dashboard import formatting, tables
from dashboard.contents import Agreement, Integrity
from dashboard.formatting import plain
from dashboard.live import live, signed
from dashboard.shown import table, tiles
from dashboard.snapshot import Election, Health, Snapshot


def integrity(snapshot: Snapshot, election: Election, content: Integrity) -> None:
    """Lay out the page from top to bottom."""
    messages(snapshot, election, content)
    count_health(snapshot, election)
    agreement(content.agreement)
    if content.corrections:
        st.header("Corrections by the election office", anchor=False)
        table(snapshot, "Corrections", lambda: tables.correction_table(content.corrections))
    if content.contradictions:
        st.header("What the source contradicts in itself", anchor=False)
        table(snapshot, "Contradictions in the source", lambda: tables.contradiction_table(content.contradictions))
    signed(snapshot, election)


def messages(snapshot: Snapshot, election: Election, content: Integrity) -> None:
    """Account for every message on the election's log."""
    st.header("Every message accounted for", anchor=False)
    tiles(
        ("Counted", formatting.count(election.counted_count)),
        ("Rejected by a rule", formatting.count(election.rejected_count)),
        ("Quarantined", formatting.count(election.quarantined_count)),
        ("Empty offsets", formatting.count(election.hole_count)),
        ("Position", formatting.count(election.position)),
    )
    if content.uncounted:
        table(snapshot, "Messages not counted, by reason", lambda: tables.uncounted_table(content.uncounted))
    st.caption("Counted, rejected, quarantined and empty offsets add up to the position: how far the log is judged.")


def count_health(snapshot: Snapshot, election: Election) -> None:
    """Say how the count goes, and when it was last recounted."""
    st.header("The count", anchor=False)
    health = snapshot.health
    if health is None:
        st.caption("The election is not open, so nothing counts it.")
        return
    newest = None if health.newest_ballot_at is None else snapshot.read_at - health.newest_ballot_at
    tiles(
        ("Count", "Running" if health.is_running else "Not running"),
        ("Messages waiting", formatting.count(health.lag_count)),
        ("Messages a second", formatting.rate(health.messages_per_second)),
        ("Micro-batch, p50 / p95", formatting.milliseconds(health.batch_p50_ms, health.batch_p95_ms)),
        ("Newest ballot", formatting.UNKNOWN if newest is None else f"{formatting.age(newest)} old"),
    )
    if health.ended_why and not health.is_running:
        st.caption(plain(f"The last run ended: {health.ended_why}."))
    st.markdown(plain(verified(health, election)))


def verified(health: Health, election: Election) -> str:
    """Say what the last independent recount of the log came to."""
    if health.verified_at is None:
        return "Not verified: the log was not recounted independently yet."
    when = formatting.clock(health.verified_at, st.context.timezone)
    if not health.is_verified:
        return f"NOT verified: an independent recount at {when} did not come to these figures."
    behind = election.position - (health.verified_position or 0)
    since = f"; {formatting.counted(behind, 'message')} were judged since" if behind else ""
    upto = formatting.count(health.verified_position)
    return f"Verified up to position {upto}: an independent recount at {when} came to the same figures{since}."


def agreement(found: Agreement | None) -> None:
    """Say whether the figures agree with each other, and with the official ones."""
    st.header("What agrees", anchor=False)
    if found is None:
        st.caption("There are no figures to compare yet.")
        return
    tiles(
        ("Cells that balance", f"{found.balanced_count:,} of {found.cell_count:,}"),
        ("Official cells reproduced", f"{found.reproduced_count:,} of {found.official_count:,}"),
    )
    st.caption(
        "A cell is a contest in a precinct by one method. It balances where its ballots are its votes, undervotes and "
        "overvotes; while the count goes on, what is out is missing from the official figures."
    )


live("integrity", Integrity, integrity)
