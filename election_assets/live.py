"""An election night: voters cast at a rate, Dagster keeps counting, and whatever dies is started again."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from election_assets import servers
from election_assets.casting import Cast, cast
from election_assets.children import Child, interruptions
from election_assets.console import progress, say
from election_assets.dev import show_addresses
from election_assets.domain.election import Election
from election_assets.errors import TransientError
from election_assets.instance import end_runs, only_one, write_instance
from election_assets.materializations import tell_opened
from election_assets.settings import Settings

# A server that dies at once is not started more often than this.
_REVIVE_SECONDS = 5.0
_CAST_AGAIN_SECONDS = 5.0
_END_RUNS_SECONDS = 30.0


def serve_live(settings: Settings, election: Election, rate: float) -> None:
    """Serve until Ctrl-C, while the voters of an opened election cast `rate` ballots a second until all have voted."""
    write_instance(settings.home)
    with only_one(settings.home), interruptions() as interrupted, ExitStack() as stack:
        with progress("Starting Dagster and the results page"):
            servers.prepare(settings, election.election_id)
            tell_opened(settings, election.election_id)
            code = stack.enter_context(servers.code_server(settings))
            servers.await_all([code], interrupted)
            # Entered before the daemon, so run after it is stopped: it would start the counts anew.
            stack.callback(end_runs, settings, _END_RUNS_SECONDS)
            web = stack.enter_context(servers.webserver(settings))
            page = stack.enter_context(servers.page(settings, {web.port or 0}))
            daemon = stack.enter_context(servers.daemon(settings))
            servers.await_all([web, page], interrupted)
        if not interrupted():
            show_addresses(settings, web, page, election.election_id)
            say(f"Ctrl-C stops all but the engines; again goes on from there. Logs: {servers.logs(settings)}")
            _keep_alive([code, web, page, daemon], settings, election, rate, interrupted)
        say("Stopping: the voters, the counts at a batch boundary, the servers …")


def _keep_alive(
    children: Sequence[Child], settings: Settings, election: Election, rate: float, interrupted: Callable[[], bool]
) -> None:
    """Let the voters vote, and start again what dies, until Ctrl-C."""
    with ThreadPoolExecutor(1) as executor, progress(f"Casting {election.election_id}") as report:
        casting: Future[None] = executor.submit(_cast_all, settings, election, rate, report, interrupted)
        while not interrupted():
            revive(children)
            if casting.done() and casting.exception():
                casting.result()
            time.sleep(servers.POLL_SECONDS)


def _cast_all(
    settings: Settings, election: Election, rate: float, report: Callable[[int, int], None], is_over: Callable[[], bool]
) -> None:
    """Cast until everyone has voted, however often the broker is away meanwhile."""
    while not is_over():
        try:
            done = cast(settings, election, rate=rate, wait_seconds=_CAST_AGAIN_SECONDS, report=report, is_over=is_over)
        except TransientError as error:
            say(f"{error} The voters try again.")
            time.sleep(_CAST_AGAIN_SECONDS)
            continue
        if is_all_cast(done):
            say(f"Everyone has voted: {done.total:,} ballots are in the log.")
            return


def is_all_cast(done: Cast) -> bool:
    """Tell whether the log has all of an election's ballots after a call of `cast`."""
    return done.sent + done.already_in_log == done.total


def revive(children: Sequence[Child]) -> None:
    """Start the servers again that have ended, each at most every few seconds."""
    for child in children:
        if child.ended() and time.monotonic() - child.launched_at > _REVIVE_SECONDS:
            say(f"{child.title} ended with exit code {child.process.returncode} and is started again.")
            child.start_again()
