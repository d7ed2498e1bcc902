"""What people look at, as child processes: Dagster's servers and the results page."""

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg

from election_assets.children import Child, started
from election_assets.dbt import current_manifest
from election_assets.errors import PermanentError
from election_assets.instance import add_partitions, fail_left_runs, instance_variables
from election_assets.settings import PROJECT, Settings
from engines.ports import LOOPBACK, answers, free_port, is_taken

DAGSTER_PORT, PAGE_PORT = 3000, 8501
POLL_SECONDS = 0.5

# On two cores with cold disks; 20 s is usual.
_START_SECONDS = 180


def prepare(settings: Settings, election_id: str) -> None:
    """Make what the servers' processes would otherwise all try to make at once; `election_id` can then be chosen."""
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        registered = [row[0] for row in connection.execute("select election_id from registry.elections")]
    add_partitions(settings, {election_id, *registered})
    fail_left_runs(settings)
    current_manifest(settings.home, os.environ)


def server_environment(settings: Settings) -> Mapping[str, str]:
    """Return the environment of Dagster's servers and of the page."""
    return {**os.environ, **instance_variables(settings)}


def dagster_dev(settings: Settings) -> AbstractContextManager[Child]:
    """Start `dagster dev`, which starts Dagster's servers and ends with any of them."""
    port = _port(DAGSTER_PORT)
    command = ["dev", "--workspace", str(PROJECT / "workspace.yaml"), "--host", LOOPBACK, "--port", str(port)]
    return _python(settings, "Dagster", ["dagster", *command], port)


def code_server(settings: Settings) -> AbstractContextManager[Child]:
    """Start the server that has the definitions, ticks the sensors and launches the runs; write its workspace."""
    port = free_port({DAGSTER_PORT, PAGE_PORT})
    _workspace(settings).write_text(
        f"load_from:\n  - grpc_server: {{host: {LOOPBACK}, port: {port}, location_name: election}}\n",
        encoding="utf-8",
    )
    definitions = ["--module-name", "election_assets.definitions", "--location-name", "election"]
    command = ["api", "grpc", *definitions, "--host", LOOPBACK, "--port", str(port)]
    return _python(settings, "The code server", ["dagster", *command], port)


def webserver(settings: Settings) -> AbstractContextManager[Child]:
    """Start Dagster's webserver over the code server's workspace."""
    port = _port(DAGSTER_PORT)
    command = ["--workspace", str(_workspace(settings)), "--host", LOOPBACK, "--port", str(port)]
    return _python(settings, "Dagster", ["dagster_webserver", *command], port)


def daemon(settings: Settings) -> AbstractContextManager[Child]:
    """Start Dagster's daemon: sensors, automation and the queue of runs."""
    command = ["dagster._daemon", "run", "--workspace", str(_workspace(settings))]
    return _python(settings, "Dagster's daemon", command, None)


def page(settings: Settings, taken: Collection[int]) -> AbstractContextManager[Child]:
    """Start the Streamlit page, on its usual port where that is free."""
    port = _port(PAGE_PORT, taken)
    app = str(PROJECT / "dashboard" / "streamlit_app.py")
    listen = ["--server.address", LOOPBACK, "--server.port", str(port), "--server.headless", "true"]
    return _python(settings, "The results page", ["streamlit", "run", app, *listen], port)


def logs(settings: Settings) -> Path:
    """Return the folder with the servers' logs."""
    return settings.home / "dagster"


def await_all(servers: Sequence[Child], interrupted: Callable[[], bool]) -> None:
    """Wait until all servers answer; raise PermanentError where one ends instead, or is silent for too long."""
    deadline = time.monotonic() + _START_SECONDS
    while not interrupted() and any(_is_silent(server) for server in servers):
        raise_if_ended(servers)
        if time.monotonic() > deadline:
            silent = " and ".join(server.title for server in servers if _is_silent(server))
            raise PermanentError(
                f"{silent} did not answer within {_START_SECONDS} s; what it said is in {servers[0].log.parent}."
            )
        time.sleep(POLL_SECONDS)


def raise_if_ended(servers: Sequence[Child]) -> None:
    """Raise PermanentError with the last words of a server that has ended."""
    for server in servers:
        if sentence := server.ended():
            raise PermanentError(sentence)


def _is_silent(server: Child) -> bool:
    return server.port is not None and not answers(server.port)


def _python(settings: Settings, title: str, command: Sequence[str], port: int | None) -> AbstractContextManager[Child]:
    log = logs(settings) / f"{title.removeprefix('The ').replace(' ', '-').replace(chr(39), '').lower()}.log"
    return started(title, [sys.executable, "-m", *command], port, server_environment(settings), log)


def _workspace(settings: Settings) -> Path:
    return settings.home / "dagster" / "workspace.yaml"


def _port(default: int, taken: Collection[int] = ()) -> int:
    return free_port(set(taken)) if is_taken(default) or default in taken else default
