"""The command that exports results as files for others."""

import os
from pathlib import Path
from typing import Annotated

import typer

from election_assets.console import say
from election_assets.exports import Format
from election_assets.folder_commands import Id
from election_assets.settings import Settings


def export(
    election_id: Id,
    form: Annotated[Format, typer.Option("--format", help="What to write; a bundle holds all the others.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write into; it must exist.")],
) -> None:
    """Export the results as files for others; each is printed with its SHA-256, as `sha256sum -c` reads it."""
    # pyarrow takes a third of a second to load, which no other command need wait for.
    from election_assets.exports.exporting import export_election

    done = export_election(Settings.from_environment(os.environ), election_id, [form], out)
    for file in done.files:
        typer.echo(f"{file.sha256}  {file.path}")
    say(done.sentence())
