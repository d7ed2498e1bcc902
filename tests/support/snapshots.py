"""Made figures in place of the database: what the pages read of a small election."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from dashboard.contents import (
    Agreement,
    Areas,
    AreaVotes,
    Arrivals,
    CellVotes,
    Comparison,
    Contradiction,
    Correction,
    GroupTurnout,
    Integrity,
    OfficialVotes,
    PastShare,
    Progress,
    Race,
    Results,
    Swing,
    Turnout,
    UncountedMessages,
    UnitTurnout,
)
from dashboard.snapshot import Candidate, Contest, Election, Health, Snapshot, chosen_contest, chosen_election

READ_AT = datetime(2020, 11, 4, 2, 0, 7, tzinfo=UTC)
COUNTED_AT = READ_AT - timedelta(seconds=7)

Load = Callable[..., Snapshot]

ADAMS = Election(
    election_id="adams",
    election_name="Adams <b>County</b>",
    election_date=date(2020, 11, 3),
    election_type="general",
    status="unofficial_partial",
    is_test=False,
    closes_at=None,
    publish="live",
    registered_voter_count=200,
    precinct_count=2,
    contest_count=2,
    position=153,
    counted_count=150,
    rejected_count=2,
    quarantined_count=1,
    hole_count=0,
    counted_at=COUNTED_AT,
    baseline_election_id="adams-2016",
)
YORK = replace(ADAMS, election_id="york", election_name="York", counted_at=READ_AT - timedelta(days=1))
EMPTY = replace(ADAMS, position=0, counted_count=0, rejected_count=0, quarantined_count=0, counted_at=None)

RUNNING = Health(
    is_running=True,
    ended_at=None,
    ended_why=None,
    position=153,
    log_end=153,
    log_end_at=READ_AT - timedelta(seconds=2),
    lag_count=0,
    batch_p50_ms=220,
    batch_p95_ms=1_340,
    messages_per_second=498.2,
    newest_ballot_at=READ_AT - timedelta(seconds=9),
    verified_at=None,
    verified_position=None,
    is_verified=None,
)


def candidate(contest_id: str, name: str, votes: int, total: int, rank: int | None, is_tied: bool = False) -> Candidate:
    """A line of a contest."""
    share = votes / total if total else None
    methods = {"election_day": votes, "mail": 0}
    return Candidate(contest_id, name.lower(), name, None, rank is None, votes, share, rank, is_tied, None, methods)


def contest(contest_id: str, ann: int, bob: int) -> Contest:
    """A contest between Ann and Bob."""
    total = ann + bob
    candidates = (
        candidate(contest_id, "Ann", ann, total, 1, is_tied=ann == bob),
        candidate(contest_id, "Bob", bob, total, 1 if ann == bob else 2, is_tied=ann == bob),
        candidate(contest_id, "Write-ins", 0, total, None),
    )
    return Contest(contest_id, contest_id.title(), 1, total, total, 0, 0, candidates)


MAYOR, SHERIFF = contest("mayor", 90, 60), contest("sheriff", 75, 75)

CONTENTS: dict[str, object] = {
    "results": Results(
        race=Race(50, 50, 0.8, False, False),
        progress=Progress(2, 0, 1, 1, 0.75),
        history=(
            PastShare(COUNTED_AT - timedelta(minutes=1), "ann", 10, 0.4),
            PastShare(COUNTED_AT - timedelta(minutes=1), "bob", 15, 0.6),
            PastShare(COUNTED_AT, "ann", 90, 0.6),
            PastShare(COUNTED_AT, "bob", 60, 0.4),
        ),
    ),
    "turnout": Turnout(
        ballots_by_method={"election_day": 100, "mail": 50},
        units=(
            UnitTurnout("county", "Adams", "county", None, False, 200, 150, 0.75),
            UnitTurnout("north", "North", "precinct", "Adams", True, 100, 90, 0.9),
            UnitTurnout("south", "South", "precinct", "Adams", True, 100, 60, 0.6),
        ),
        groups=(
            GroupTurnout("Adams", "18-24", "female", False, 40, 30, 0.75),
            GroupTurnout("Adams", "18-24", "male", True, None, None, None),
        ),
        arrivals=(
            Arrivals(COUNTED_AT - timedelta(minutes=1), 1, "mail", 50),
            Arrivals(COUNTED_AT, 1, "election_day", 100),
        ),
    ),
    "areas": Areas(
        levels=("county", "precinct"),
        level="precinct",
        votes=(
            AreaVotes("north", "North", "ann", 70, 1, 1),
            AreaVotes("north", "North", "bob", 20, 1, 1),
            AreaVotes("south", "South", "ann", 20, 1, 0),
            AreaVotes("south", "South", "bob", 40, 1, 0),
        ),
        unit_id="north",
        cells=(CellVotes("ann", "election_day", 60), CellVotes("ann", "mail", 10), CellVotes("bob", "mail", 20)),
    ),
    "integrity": Integrity(
        agreement=Agreement(8, 8, 4, 3),
        uncounted=(UncountedMessages("rejected", "second_ballot", "The voter’s ballot is already counted.", 2),),
        contradictions=(Contradiction("more_votes", "north", "mayor", None, "mail", "91", "90", "One more is cast."),),
        corrections=(Correction(COUNTED_AT, "tape-7", "mayor", "bob", "north", "mail", -3, "Counted twice.", "Board"),),
    ),
    "compare": Comparison(
        official=(OfficialVotes("Mayor", 149, 150, 1), OfficialVotes("Sheriff", 150, 150, 0)),
        baseline_name="Adams 2016",
        swings=(Swing("DEM", 0.6, 0.55), Swing("REP", 0.4, 0.45), Swing("GRE", None, 0.02)),
    ),
}


def answering(
    elections: tuple[Election, ...] = (ADAMS, YORK),
    contests: tuple[Contest, ...] = (MAYOR, SHERIFF),
    health: Health | None = RUNNING,
    content: object = None,
) -> Load:
    """Return a stand-in for `queries.load` that answers with these figures, whichever page asks."""

    def load(page: str, election_id: str | None = None, contest_id: str | None = None, *_: object) -> Snapshot:
        election = chosen_election(elections, election_id)
        if election is None:
            return Snapshot(READ_AT, elections)
        shown = chosen_contest(contests, contest_id)
        return Snapshot(READ_AT, elections, election, health, contests, shown, content or CONTENTS[page])

    return load
