"""Claims about Dagster's own commands: both load the graph on a clone where no engine was ever started."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from election_assets.settings import PROJECT
from engines.ports import free_port

pytestmark = pytest.mark.slow

LOADED = """
{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { ... on PythonError { message } } } } }
  assetNodes { assetKey { path } } }
"""


def ask(port: int, query: str) -> dict[str, object]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)["data"]
        return found


@pytest.mark.parametrize("command", ["dagster", "dg"])
def test_the_graph_is_served(command: str, tmp_path: Path, environment: dict[str, str]) -> None:
    port = free_port(set())
    folder = Path(sys.executable).parent
    environ = {
        **environment,
        "ELECTION_HOME": str(tmp_path / "home"),
        "PATH": f"{folder}{os.pathsep}{environment['PATH']}",
        "VIRTUAL_ENV": str(folder.parent),
    }
    environ.pop("DAGSTER_HOME", None)
    log = tmp_path / "said.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(folder / command), "dev", "--port", str(port)],
            cwd=PROJECT,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 300
        found: dict[str, object] = {}
        while not found.get("assetNodes"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{found} {log.read_text()}"
            time.sleep(0.5)
            try:
                found = ask(port, LOADED)
            except OSError:
                continue
        keys = {"/".join(node["assetKey"]["path"]) for node in found["assetNodes"]}  # type: ignore[attr-defined]
        assert {"registry/voters", "votes/raw_votes", "ledger/tallies", "marts/fct_turnout"} <= keys
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
