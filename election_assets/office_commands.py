"""The commands with which an office speaks of a count: corrections of its totals, and its status."""

import os
from typing import Annotated

import typer

from election_assets.console import say
from election_assets.corrections import Adjustment, Status
from election_assets.corrections import adjust as make_adjustment
from election_assets.corrections import mark as set_status
from election_assets.domain.election import Method
from election_assets.folder_commands import Id
from election_assets.settings import Settings


def adjust(
    election_id: Id,
    adjustment_id: Annotated[str, typer.Argument(metavar="ADJUSTMENT", help="Its id; the same twice counts once.")],
    contest: Annotated[str, typer.Option(help="The contest's id.")],
    candidate: Annotated[str, typer.Option(help="The candidate's id.")],
    precinct: Annotated[str, typer.Option(help="The precinct's id.")],
    method: Annotated[Method, typer.Option(help="How the ballots came in.")],
    votes: Annotated[int, typer.Option(help="Votes to add, or with a minus to take away.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: Annotated[str, typer.Option(help="Who adjusts.")],
) -> None:
    """Correct a total: shown beside the raw tally, which stays as the log has it."""
    adjustment = Adjustment(adjustment_id, contest, candidate, precinct, method, votes, reason, by)
    is_new = make_adjustment(_registrar(), election_id, adjustment)
    done = f"{votes:+,} votes for {candidate} in {contest}, precinct {precinct}, {method.value}"
    say(f"Adjustment {adjustment_id}: {done}." if is_new else f"Adjustment {adjustment_id} was made before: {done}.")


def mark(election_id: Id, status: Annotated[Status, typer.Argument(help="What its results are now.")]) -> None:
    """Set the status of an election's results; `pre_election` leaves it to the count again."""
    set_status(_registrar(), election_id, status)
    derived = status is Status.PRE_ELECTION
    say(f"The status of {election_id} follows the count." if derived else f"{election_id} is {status.value}.")


def _registrar() -> str:
    return Settings.from_environment(os.environ).conninfo("registrar")
