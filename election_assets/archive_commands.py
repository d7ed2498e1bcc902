"""The commands that put a finished election away, and back."""

import os
from pathlib import Path
from typing import Annotated

import typer

from election_assets import steps
from election_assets.console import progress, say
from election_assets.folder_commands import Id
from election_assets.settings import Settings


def archive(
    election_id: Id,
    folder: Annotated[Path, typer.Argument(help="The archive; a folder that is not there yet.")],
) -> None:
    """Archive a finished election: its log, registry and ledger, recounted; for whoever may read ballots.

    Printed is the SHA-256 of its manifest, which vouches for all other files. Nothing is deleted.
    """
    # pyarrow and Spark's modules take a second to load, which no other command need wait for.
    from election_assets.archives.archiving import archive_election
    from election_assets.archives.manifest import NAME

    with progress(f"Archiving {election_id}") as report:
        done = archive_election(Settings.from_environment(os.environ), election_id, folder, report)
    typer.echo(f"{done.manifest_sha256}  {folder / NAME}")
    say(
        f"{done.manifest.message_count:,} messages are archived in {folder}; recounted from there, they come to the "
        f"ledger in every cell: {done.ballot_count:,} ballots counted."
    )


def restore(folder: Annotated[Path, typer.Argument(help="A folder that `election archive` wrote.")]) -> None:
    """Put an archived election back, into an installation that does not have it."""
    from election_assets.archives.restoring import restore_election

    settings = Settings.from_environment(os.environ)
    with progress(f"Restoring {folder.name}") as report:
        done = restore_election(settings, folder, report)
    say(f"{done.manifest.message_count:,} messages are back in {done.opened.topic}, with the ledger that they come to.")
    steps.add_partition(settings, done.manifest.election_id)
    steps.publish_events(settings, done.manifest.election_id)
    steps.build_marts(settings)
