"""The page of results: one contest head to head, how much of it is in, and how the lead went."""

import streamlit as st

from dashboard import figures, figures_over_time, formatting, tables
from dashboard.contents import Results
from dashboard.formatting import plain
from dashboard.live import live, signed, withheld
from dashboard.pickers import pick_contest
from dashboard.shown import chart, drawn, table, tiles
from dashboard.snapshot import Contest, Election, Snapshot
from dashboard.standing import ballot_sentence, outlook, standing, tag


def results(snapshot: Snapshot, election: Election, content: Results) -> None:
    """Lay out the page from top to bottom."""
    tiles(
        ("Ballots counted", formatting.count(election.counted_count)),
        ("Registered voters", formatting.count(election.registered_voter_count)),
        ("Turnout", formatting.share(election.turnout_share)),
        ("Messages not counted", formatting.count(election.uncounted_count)),
    )
    contest = snapshot.contest
    if contest is None:
        st.info("This election has no contests.")
        return
    pick_contest(snapshot.contests, contest, election.election_id)
    st.header(plain(contest.contest_name), anchor=False)
    if not contest.candidates:
        st.info(withheld(election))
        return
    if len({each.as_of_at for each in content.history}) > 1:
        now, so_far = st.columns([3, 2], gap="large")
        with now:
            head_to_head(snapshot, contest, content)
        with so_far:
            how_it_went(snapshot, contest, content)
    else:
        head_to_head(snapshot, contest, content)
    reporting(content)
    table(snapshot, f"{contest.contest_name} by candidate", lambda: tables.candidate_table(contest.candidates))
    st.caption(plain(ballot_sentence(contest)))
    if contest.is_corrected:
        st.caption("Votes include corrections by the election office; what was counted stands beside them.")
    signed(snapshot, election)


def head_to_head(snapshot: Snapshot, contest: Contest, content: Results) -> None:
    """Say who leads and draw the candidates beside each other."""
    label, colour = tag(contest, content.race)
    st.badge(label, color=colour)
    st.markdown(f"**{plain(standing(contest))}** {plain(outlook(content.race))}")
    bars = drawn(snapshot, "candidate_bars", lambda ink: figures.candidate_bars(contest, ink))
    chart(bars, "candidate_bars", figures.described(contest))


def how_it_went(snapshot: Snapshot, contest: Contest, content: Results) -> None:
    """Draw the shares of the night so far."""
    st.subheader("How it went", anchor=False)
    history = content.history
    lines = drawn(snapshot, "shares", lambda ink: figures_over_time.shares_over_time(contest, history, ink))
    chart(lines, "shares_over_time", f"Lines of the candidates' shares of {contest.contest_name} over time.")


def reporting(content: Results) -> None:
    """Say how much of the contest is in, and what is still out."""
    progress, race = content.progress, content.race
    if progress is None or race is None:
        return
    tiles(
        ("Precincts fully counted", f"{progress.all_count:,} of {progress.precinct_count:,}"),
        ("Expected ballots counted", formatting.share_below_one(progress.expected_share)),
        ("Ballots expected still", formatting.count(race.expected_outstanding_count)),
        ("Voters without a ballot", formatting.count(race.outstanding_count)),
    )


live("results", Results, results)
