"""The development servers: Dagster and the results page over the home's engines, until Ctrl-C."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack

import psycopg

from election_assets.children import Child, interruptions, started
from election_assets.console import progress, say
from election_assets.dbt import current_manifest
from election_assets.errors import PermanentError
from election_assets.instance import add_partitions, fail_left_runs, instance_variables, only_one, write_instance
from election_assets.settings import PROJECT, Settings
from engines.ports import LOOPBACK, answers, free_port, is_taken

DAGSTER_PORT, PAGE_PORT = 3000, 8501
# The election of `make demo` can be chosen before anything is registered.
DEMO_ELECTION = "adams-2020"

# On two cores with cold disks; 20 s is usual.
_START_SECONDS = 180
_POLL_SECONDS = 0.5


def serve(settings: Settings) -> None:
    """Run the servers until Ctrl-C or SIGTERM; raise PermanentError where one of them ends by itself."""
    write_instance(settings.home)
    with only_one(settings.home), interruptions() as interrupted, ExitStack() as stack:
        with progress("Starting Dagster and the results page"):
            _prepare(settings)
            servers = [stack.enter_context(server) for server in _servers(settings)]
            _await_all(servers, interrupted)
        if not interrupted():
            dagster, page = servers
            # With the election chosen, “Materialize all” needs no more than a confirmation.
            say(f"Dagster: http://{LOOPBACK}:{dagster.port}/asset-groups?partition={DEMO_ELECTION}")
            say(f"Results: http://{LOOPBACK}:{page.port}")
            say(f"Ctrl-C stops both; the engines run until `election down`. Logs: {dagster.log.parent}")
        while not interrupted():
            _raise_if_ended(servers)
            time.sleep(_POLL_SECONDS)
        say("Stopping Dagster and the results page …")


def _servers(settings: Settings) -> Iterator[AbstractContextManager[Child]]:
    """Yield what starts each of the servers, on their usual ports where these are free."""
    environ = {**os.environ, **instance_variables(settings)}
    logs = settings.home / "dagster"
    port = _port(DAGSTER_PORT)
    dagster = ["dagster", "dev", "--workspace", str(PROJECT / "workspace.yaml")]
    listen = ["--host", LOOPBACK, "--port", str(port)]
    yield started("Dagster", [sys.executable, "-m", *dagster, *listen], port, environ, logs / "dagster.log")
    port = _port(PAGE_PORT, port)
    page = ["streamlit", "run", str(PROJECT / "dashboard" / "streamlit_app.py")]
    listen = ["--server.address", LOOPBACK, "--server.port", str(port), "--server.headless", "true"]
    yield started("The results page", [sys.executable, "-m", *page, *listen], port, environ, logs / "streamlit.log")


def _prepare(settings: Settings) -> None:
    """Make what the servers' processes would otherwise all try to make at once."""
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        registered = [row[0] for row in connection.execute("select election_id from registry.elections")]
    add_partitions(settings, {DEMO_ELECTION, *registered})
    fail_left_runs(settings)
    current_manifest(settings.home, os.environ)


def _port(default: int, taken: int | None = None) -> int:
    return free_port({taken} if taken else set()) if is_taken(default) or default == taken else default


def _await_all(servers: Sequence[Child], interrupted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not interrupted() and not all(answers(server.port) for server in servers):
        _raise_if_ended(servers)
        if time.monotonic() > deadline:
            silent = " and ".join(server.title for server in servers if not answers(server.port))
            raise PermanentError(
                f"{silent} did not answer within {_START_SECONDS} s; what it said is in {servers[0].log.parent}."
            )
        time.sleep(_POLL_SECONDS)


def _raise_if_ended(servers: Sequence[Child]) -> None:
    for server in servers:
        if sentence := server.ended():
            raise PermanentError(sentence)
