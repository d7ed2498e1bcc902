"""The commands that look into a log or at a count from outside: for auditors, producers and monitoring."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from election_assets.children import interruptions
from election_assets.console import as_json, line, progress, say, show_checks
from election_assets.folder_commands import Id
from election_assets.settings import Settings
from engines.ports import LOOPBACK

_POLL_SECONDS = 0.2


def inspect(election_id: Id, place: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET")]) -> None:
    """Show a message of the log and its verdict. It shows how a voter voted: for auditors."""
    from election_assets.inspection import inspect_message

    typer.echo(as_json(inspect_message(_settings(), election_id, place)))


def partition_of(
    voter_id: Annotated[str, typer.Argument(metavar="VOTER", help="The voter's id.")],
    election_id: Annotated[str, typer.Option("--election", metavar="ID", help="The election they vote in.")],
) -> None:
    """Print the partition of an election's votes topic that a voter's ballots go to: for producers of other makes."""
    from election_assets.inspection import partition_of_voter

    typer.echo(partition_of_voter(_settings(), election_id, voter_id))


def verify(
    election_id: Id,
    against: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Hold the log against an exported bundle instead of the ledger."),
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Recount the log by a second, independent program; exit code 1 where it comes to other figures."""
    from election_assets.verifying import verify_bundle, verify_election

    started = time.monotonic()
    with progress(f"Recounting {election_id}") as report:
        if against:
            found = verify_bundle(_settings(), election_id, against, report)
        else:
            found = verify_election(_settings(), election_id, report)
    if as_json_:
        typer.echo(as_json({"has_passed": found.has_passed, "position": found.position, "checks": found.checks}))
    else:
        show_checks(found)
        line(found.sentence(time.monotonic() - started))
    raise typer.Exit(0 if found.has_passed else 1)


def metrics(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes any free port.", min=0, max=65535)] = 9464,
    host: Annotated[str, typer.Option(help="Which address to listen on. There is no login.")] = LOOPBACK,
) -> None:
    """Serve count, lag and errors of all open elections to Prometheus, until Ctrl-C."""
    from election_assets.metrics.serving import serving

    with interruptions() as interrupted, serving(_settings(), host, port, say) as address:
        say(f"Metrics: {address}")
        while not interrupted():
            time.sleep(_POLL_SECONDS)


def _settings() -> Settings:
    return Settings.from_environment(os.environ)
