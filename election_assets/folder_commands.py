"""The commands that make election folders: imported from what others publish, or drawn from a seed."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from election_assets import steps
from election_assets.console import say
from election_assets.domain.election_folder import write_election
from election_assets.settings import PROJECT, PeopleSettings

Id = Annotated[str, typer.Argument(metavar="ID", help="The election's id, such as adams-2020.")]
Seed = Annotated[int, typer.Option(help="Where the drawing starts; the same seed gives the same election.")]

imports = typer.Typer(no_args_is_help=True, help="Make election folders from what others publish.")


@imports.command("openelections", epilog="Example: election import openelections adams.csv --id adams-2020")
def import_openelections(
    file: Annotated[Path, typer.Argument(help="A precinct file of OpenElections.", exists=True, dir_okay=False)],
    election_id: Annotated[str, typer.Option("--id", help="The id of the new election.")],
    name: Annotated[str | None, typer.Option(help="Its name; made from the file's by default.")] = None,
    date: Annotated[datetime | None, typer.Option(help="Its day; from the file's name by default.")] = None,
    votes_allowed: Annotated[list[str] | None, typer.Option(help="OFFICE=N for contests that elect several.")] = None,
    seed: Seed = 1,
    folder: Annotated[Path | None, typer.Option("--out", help="Where to; elections/ID by default.")] = None,
) -> None:
    """Make an election folder from a published precinct file, and report what the file contradicts in itself."""
    from election_assets.openelections import import_openelections as import_file
    from election_assets.openelections import report_lines

    election = import_file(
        file, election_id, name=name, date=date.date() if date else None,
        votes_allowed=steps.votes_allowed(votes_allowed or []), seed=seed,
    )  # fmt: skip
    place = folder or PROJECT / "elections" / election_id
    write_election(election, place)
    typer.echo("\n".join(report_lines(election)))
    say(f"Written to {place}.")


def generate(
    election_id: Id,
    voters: Annotated[int, typer.Option(help="Size of the roll.", min=1)],
    seed: Seed = 1,
    contests: Annotated[int, typer.Option(help="Number of contests.", min=1)] = 3,
    precincts: Annotated[int | None, typer.Option(help="Number of precincts; one per 1,500 voters.", min=1)] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Where to; elections/ID by default.")] = None,
) -> None:
    """Make a synthetic election with known results."""
    from election_assets.domain.synthetic import generate_election
    from election_assets.people import candidate_names

    names = candidate_names(PeopleSettings.from_environment(os.environ), election_id, seed, contests)
    election = generate_election(election_id, voters, seed=seed, contests=contests, precincts=precincts, names=names)
    place = folder or PROJECT / "elections" / election_id
    write_election(election, place)
    say(f"{voters:,} voters in {len(election.precincts):,} precincts, {contests} contests: written to {place}.")
