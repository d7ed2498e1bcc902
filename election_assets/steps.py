"""The steps of an election on the command line: each with its progress and its sentence at the end."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg

from election_assets.casting import cast
from election_assets.console import line, out, progress, say, show_results
from election_assets.domain.election import Election
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.errors import PermanentError
from election_assets.loading import Kind, Loaded, load
from election_assets.opening import open_election
from election_assets.people import people_on_roll
from election_assets.reconciliation import Reconciliation, reconcile
from election_assets.registry import register as register_election
from election_assets.registry_events import publish_registry
from election_assets.results import read_results
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.home import Home
from engines.roles import furnish


def start_engines(
    home: Home, settings: Callable[[], Settings], size: stack.Size | None = None, spark_workers: int | None = None
) -> Settings:
    """Start what is not running and bring the schema up to date; `settings` reads where the engines listen."""
    with progress("Starting the engines"):
        stack.up(home, say, size, spark_workers)
        found = settings()
        install_schema(found.conninfo("owner"))
    return found


def set_up(settings: Settings, election_id: str | None) -> None:
    """Furnish servers that are there already, open an election on them, and tell Dagster of it."""
    # Dagster takes a second to load.
    from election_assets.instance import write_instance
    from election_assets.materializations import tell_opened

    with progress("Making roles, databases and tables"):
        with psycopg.connect(settings.conninfo("owner", "postgres"), autocommit=True) as connection:
            furnish(connection, settings.passwords.__getitem__)
        install_schema(settings.conninfo("owner"))
        write_instance(settings.home)
    if election_id is not None:
        register(settings, read_election(find_election_folder(election_id)))
        open_(settings, election_id)
        tell_opened(settings, election_id)
    build_marts(settings)


def votes_allowed(texts: Sequence[str]) -> dict[str, int]:
    """Read `OFFICE=N` options; raise PermanentError for one that is not."""
    allowed = {}
    for text in texts:
        office, _, number = text.rpartition("=")
        if not office or not number.isdigit() or int(number) < 1:
            raise PermanentError(f"--votes-allowed {text!r} is not OFFICE=N, such as 'State House=2'.")
        allowed[office.strip()] = int(number)
    return allowed


def register(settings: Settings, election: Election, *, anew: bool = False) -> None:
    """Register an election and say what it holds."""
    people = people_on_roll(settings.people, election)
    with progress(f"Registering {election.election_id}"):
        done = register_election(settings.conninfo("registrar"), election, people, anew=anew)
        add_partition(settings, done.election_id)
    state = "registered" if done.is_new else "was registered before, with the same contents"
    say(
        f"{done.election_id} {state}: {done.contest_count} contests, {done.precinct_count} precincts, "
        f"{done.voter_count:,} voters, {done.contradiction_count} contradictions in its source."
    )


def add_partition(settings: Settings, election_id: str) -> None:
    """Tell Dagster of an election, where the home has it."""
    if (settings.home / "dagster" / "dagster.yaml").exists():
        # Dagster takes a second to load, which only a home that has it need wait for.
        from election_assets.instance import add_partitions

        add_partitions(settings, [election_id])


def load_file(
    settings: Settings, kind: Kind, election_id: str, file: Path, *, strict: bool, errors: Path | None
) -> Loaded:
    """Load a file and say what became of its rows."""
    with progress(f"Loading {kind}") as report:
        done = load(settings, kind, election_id, file, strict=strict, errors=errors, report=report)
    say(done.sentence())
    return done


def open_(settings: Settings, election_id: str) -> None:
    """Open an election, publish its registry, and say what was frozen and what the topics have."""
    with progress(f"Opening {election_id}"):
        opened = open_election(settings, election_id)
    state = "is open" if opened.is_new else "was open"
    say(f"{election_id} {state}: topic {opened.topic}, registry hash {opened.registry_hash[:16]}….")
    publish_events(settings, election_id)


def publish_events(settings: Settings, election_id: str) -> None:
    """Publish an open election's registry and say what the topics have."""
    with progress(f"Publishing the registry of {election_id}") as report:
        published = publish_registry(settings, election_id, report)
    done = "published" if published.is_new else "were published before"
    say(f"{published.voter_count:,} voters and {published.candidate_count:,} candidates {done}.")


def cast_ballots(
    settings: Settings,
    election: Election,
    *,
    rate: float | None = None,
    seed: int | None = None,
    limit: int | None = None,
    wait_seconds: float = 60,
) -> None:
    """Cast what is not in the log yet, and say how many that was."""
    started = time.monotonic()
    with progress(f"Casting {election.election_id}") as report:
        done = cast(settings, election, rate=rate, seed=seed, limit=limit, wait_seconds=wait_seconds, report=report)
    seconds = time.monotonic() - started
    speed = f" ({done.sent / seconds:,.0f} a second)" if done.sent else ""
    say(f"{done.sent:,} ballots cast{speed}; {done.already_in_log:,} of {done.total:,} were in the log before.")


def count_ballots(settings: Settings, election_id: str, *, until_idle: bool, master: str | None = None) -> None:
    """Count an election and say what became of its messages. Ctrl-C ends the count at a batch boundary."""
    # Spark's modules take a second to load, which no other command needs.
    from election_assets.counting import count_settings, session_for
    from spark.figures import CountFigures
    from spark.readiness import waiting_messages
    from spark.stream import count

    settings = replace(settings, spark_master=master or settings.spark_master)
    run = count_settings(settings, election_id, idle_seconds=1.0 if until_idle else float("inf"))
    waiting = waiting_messages(run)
    if until_idle and not waiting:
        say(f"All messages of {election_id} are judged.")
        return
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    started = time.monotonic()
    try:
        with progress(f"Counting {election_id}") as report:
            report(0, waiting)

            def report_figures(figures: CountFigures) -> None:
                report(figures.messages, max(waiting, figures.messages))

            figures = count(session_for(settings), run, report_figures, stop)
    finally:
        signal.signal(signal.SIGINT, before)
    say(
        f"{figures.messages:,} messages judged in {time.monotonic() - started:.1f} s with Spark's start: "
        f"{figures.counted:,} counted, {figures.rejected:,} rejected, {figures.quarantined:,} quarantined; "
        f"ended: {figures.ended_why}."
    )


def build_marts(settings: Settings) -> None:
    """Build the marts with dbt."""
    from election_assets.dbt import build_marts as build

    with progress("Building the marts"):
        last_line = build(settings)
    say(f"dbt: {last_line}")


def demo(
    home: Home, settings: Callable[[], Settings], election_id: str, size: stack.Size | None = None
) -> Reconciliation:
    """Take an election the whole road, from its folder to its official figures reproduced."""
    started = time.monotonic()
    election = read_election(find_election_folder(election_id))
    found = start_engines(home, settings, size)
    register(found, election)
    open_(found, election.election_id)
    cast_ballots(found, election)
    count_ballots(found, election.election_id, until_idle=True)
    build_marts(found)
    out.print()
    show_results(read_results(found, election.election_id))
    reconciliation = reconcile(found, election.election_id)
    say(f"From folder to figures in {time.monotonic() - started:.1f} s.")
    line(f"[bold]{reconciliation.sentence()}[/]")
    return reconciliation
