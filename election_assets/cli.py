"""The command line: every command calls the functions that the assets call.

Exit code 0: fine; 1: the thing asked about is not so; 2: it could not be done, with a sentence why.
"""

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.markup import escape

from election_assets import steps
from election_assets.archive_commands import archive, restore
from election_assets.console import (
    as_json,
    line,
    progress,
    results_as_csv,
    say,
    show_cells,
    show_findings,
    show_json_lines,
    show_results,
    show_results_live,
)
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.errors import ElectionError
from election_assets.export_commands import export
from election_assets.folder_commands import Id, generate, imports
from election_assets.inspection_commands import inspect, metrics, partition_of, verify
from election_assets.loading import Kind
from election_assets.office_commands import adjust, mark
from election_assets.settings import Settings
from engines import stack
from engines.doctor import diagnose, disk
from engines.errors import EnginesError
from engines.home import home_from

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

Size = Annotated[
    stack.Size | None,
    typer.Option("--size", help="A laptop's engines or a cluster; what the home has, a laptop's at first."),
]

# What Postgres and Kafka cannot go on with: a segment of WAL and one of the log.
_FULL_DISK_BYTES = 64 << 20


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def moment(text: str) -> datetime:
    """Read a moment of ISO 8601; without an offset it is UTC."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time of ISO 8601: write it as 2020-11-03T21:30:00-05:00.") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


_HELP = """Count an election: from its folder and its voters' ballots to results that can be checked.

Exit code 0: fine; 1: the thing asked about is not so; 2: it could not be done, with a sentence why.
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(imports, name="import")


def settings() -> Settings:
    """Read the settings of this process."""
    return Settings.from_environment(os.environ)


@app.command(epilog="Example: election up --size cluster")
def up(
    size: Size = None,
    spark_workers: Annotated[
        int | None, typer.Option(help="A cluster's Spark workers, at least; 3 at first.", min=1)
    ] = None,
) -> None:
    """Start Postgres and Kafka, or a cluster, in the home, and bring the schema up to date."""
    steps.start_engines(home_from(os.environ), lambda: settings(), size, spark_workers)


@app.command(epilog="Example: election setup adams-2020")
def setup(
    election_id: Annotated[str | None, typer.Argument(metavar="ID", help="An election to register and open.")] = None,
) -> None:
    """Make roles, databases, tables and marts on servers that are there already, such as Docker Compose's."""
    steps.set_up(settings(), election_id)


@app.command(epilog="Example: election down")
def down() -> None:
    """Stop the engines of the home."""
    stopped = stack.down(home_from(os.environ), say)
    say(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


@app.command(epilog="Example: election status --json")
def status(as_json_: AsJson = False) -> None:
    """Show the engines; exit code 1 unless all of them run and serve their clients."""
    found = stack.health(home_from(os.environ))
    if as_json_:
        typer.echo(as_json(found))
    else:
        width = max(10, *(len(one.name) for one in found))
        for one in found:
            line(f"{one.name:{width}} {one.state:8} {one.health:8} {one.address:22} {escape(one.remedy)}")
    raise typer.Exit(0 if all(one.health == "healthy" for one in found) else 1)


@app.command(epilog="Example: election doctor")
def doctor(as_json_: AsJson = False) -> None:
    """Check beforehand what starting needs: Java, jars, disk, ports; exit code 1 where something is missing."""
    findings = diagnose(home_from(os.environ))
    if as_json_:
        typer.echo(as_json(findings))
    else:
        show_findings(findings)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


app.command(epilog="Example: election generate trial --voters 100000 --seed 7")(generate)


@app.command(epilog="Example: election register adams-2020")
def register(
    folder: Annotated[str, typer.Argument(metavar="FOLDER|ID", help="An election folder or id.")],
    anew: Annotated[bool, typer.Option("--anew", help="Even from an unchanged folder, with people anew.")] = False,
) -> None:
    """Load an election folder into the registry, as a draft."""
    steps.register(settings(), read_election(find_election_folder(folder)), anew=anew)


@app.command(epilog="Example: election load voters voters.csv --election trial")
def load(
    kind: Annotated[Kind, typer.Argument(help="What its rows are.")],
    file: Annotated[Path, typer.Argument(help="CSV (.csv) or JSON lines (.jsonl, .ndjson).")],
    election_id: Annotated[str, typer.Option("--election", metavar="ID", help="The election they are loaded into.")],
    strict: Annotated[bool, typer.Option("--strict", help="Load nothing where a row is bad.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Where to list bad rows; beside FILE by default.")] = None,
    as_json_: AsJson = False,
) -> None:
    """Load voters and candidates into a draft, ballots into an open election's log; exit code 1 where a row is bad."""
    done = steps.load_file(settings(), kind, election_id, file, strict=strict, errors=errors)
    if as_json_:
        typer.echo(as_json(done))
    raise typer.Exit(1 if done.bad else 0)


@app.command("open", epilog="Example: election open adams-2020")
def open_(election_id: Id) -> None:
    """Freeze an election and make its votes topic; from then on it can be voted in and counted."""
    steps.open_(settings(), election_id)


@app.command(epilog="Example: election cast adams-2020 --rate 500")
def cast(
    folder: Annotated[str, typer.Argument(metavar="FOLDER|ID", help="An election folder or id.")],
    rate: Annotated[float | None, typer.Option(help="Ballots a second; no limit by default.", min=0.01)] = None,
    seed: Annotated[int | None, typer.Option(help="Another draw of who votes how; the election's own.")] = None,
    limit: Annotated[int | None, typer.Option(help="Cast no more than so many.", min=1)] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a broker that is away.")] = 60,
) -> None:
    """Let the voters vote: send the ballots that are not in the log yet."""
    election = read_election(find_election_folder(folder))
    steps.cast_ballots(settings(), election, rate=rate, seed=seed, limit=limit, wait_seconds=wait)


@app.command(epilog="Example: election count adams-2020 --until-idle")
def count(
    election_id: Id,
    until_idle: Annotated[bool, typer.Option(help="End when all is judged; otherwise go on till Ctrl-C.")] = False,
    master: Annotated[str | None, typer.Option(help="A Spark master; local by default.")] = None,
) -> None:
    """Count the log into the ledger with Spark."""
    steps.count_ballots(settings(), election_id, until_idle=until_idle, master=master)


@app.command(epilog="Example: election reset adams-2020")
def reset(election_id: Id) -> None:
    """Empty the ledger of an election; the next count judges its log from the start."""
    from election_assets.counting import reset_election

    recount = reset_election(settings(), election_id)
    say(f"The ledger of {election_id} is empty; the next count is recount {recount}.")


_ADJUST_EXAMPLE = """Example: election adjust adams-2020 2020-11-06-1 --contest president --candidate jo-jorgensen
--precinct abbottstown --method mail --votes -3 --reason "Counted twice on the tape." --by "Board of elections" """
app.command(epilog=_ADJUST_EXAMPLE)(adjust)

app.command(epilog="Example: election mark adams-2020 certified")(mark)


app.command(epilog="Example: election archive adams-2020 adams-2020.archive")(archive)

app.command(epilog="Example: election restore adams-2020.archive")(restore)

app.command(epilog="Example: election inspect adams-2020 3:1042")(inspect)

app.command(epilog="Example: election partition-of vvjbejnzh --election adams-2020")(partition_of)

app.command(epilog="Example: election verify adams-2020")(verify)

app.command(epilog="Example: election metrics --port 9464")(metrics)


@app.command(epilog="Example: election results adams-2020 --format csv")
def results(
    election_id: Id,
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.TABLE,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            help="Those of a past moment, as 2020-11-03T21:30:00-05:00; UTC without an offset.", parser=moment
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show them again when they change, until Ctrl-C.")] = False,
) -> None:
    """Show the results as the marts have them now or had them once."""
    from election_assets.results import follow_results, read_results, read_results_as_of

    if follow:
        if as_of or form is Format.CSV:
            raise typer.BadParameter(
                "results that are followed are of now, as a table or JSON lines", param_hint="--follow"
            )
        versions = follow_results(settings(), election_id)
        show = show_results_live if form is Format.TABLE else show_json_lines
        show(versions)
        return
    found = read_results_as_of(settings(), election_id, as_of) if as_of else read_results(settings(), election_id)
    if form is Format.TABLE:
        show_results(found)
    else:
        typer.echo(results_as_csv(found) if form is Format.CSV else as_json(found), nl=form is Format.JSON)


app.command(epilog="Example: election export adams-2020 --format bundle --out .")(export)


@app.command(epilog="Example: election reconcile adams-2020")
def reconcile(election_id: Id, as_json_: AsJson = False) -> None:
    """Compare every official figure with the marts; exit code 1 where one differs without a derived reason."""
    from election_assets.reconciliation import reconcile as reconcile_election

    found = reconcile_election(settings(), election_id)
    if as_json_:
        typer.echo(as_json({"sentence": found.sentence(), "holds": found.holds, "differing": found.differing}))
    else:
        show_cells(found.differing)
        line(found.sentence())
    raise typer.Exit(0 if found.holds else 1)


@app.command(epilog="Example: election demo adams-2020")
def demo(election_id: Id = "adams-2020", size: Size = None) -> None:
    """Count a real election from its published results to the last cell, and compare."""
    found = steps.demo(home_from(os.environ), lambda: settings(), election_id, size)
    raise typer.Exit(0 if found.holds else 1)


@app.command(epilog="Example: election dev")
def dev() -> None:
    """Serve Dagster and the results page over the same engines, until Ctrl-C."""
    from election_assets.dev import serve

    serve(steps.start_engines(home_from(os.environ), lambda: settings()))


@app.command(epilog="Example: election live adams-2020 --rate 500")
def live(
    election_id: Id = "adams-2020",
    rate: Annotated[float, typer.Option(help="Ballots a second.", min=0.01)] = 200,
) -> None:
    """Watch an election being counted: voters cast at a rate, Dagster keeps the count running, until Ctrl-C."""
    from election_assets.live import serve_live

    election = read_election(find_election_folder(election_id))
    found = steps.start_engines(home_from(os.environ), lambda: settings())
    steps.register(found, election)
    steps.open_(found, election.election_id)
    serve_live(found, election, rate)


@app.command(epilog="Example: election docs")
def docs() -> None:
    """Write dbt's documentation as one HTML file."""
    from election_assets.dbt import write_docs

    with progress("Writing dbt's documentation"):
        place = write_docs(settings())
    say(f"Written to {place}.")


def main() -> None:
    """Run the command line; what could not be done ends with its one sentence, never a traceback."""
    try:
        app()
    except (ElectionError, EnginesError) as error:
        say(str(error))
    except psycopg.errors.UndefinedTable as error:
        say(f"The marts are not built ({error.diag.message_primary}): `election demo` or `make dev` builds them.")
    except psycopg.Error as error:
        told = error.diag.message_primary or " ".join(str(error).split())
        say(f"Postgres refused or did not answer: {told}. `election status` shows the engines.")
    except OSError as error:
        say(f"{error}. `election doctor` looks at disk, ports and folders.")
    home = home_from(os.environ)
    if not disk(home, needed=_FULL_DISK_BYTES).ok:
        say(f"The disk with {home.path} is full: free some of it; `election up` then starts again what died of it.")
    raise SystemExit(2)
