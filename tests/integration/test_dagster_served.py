"""Claims about `election dev` on real engines: what Dagster and the results page do for a person in a browser."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from dagster import DagsterRunStatus
from playwright.sync_api import Browser, Page, expect

from election_assets.domain.election_folder import write_election
from election_assets.domain.synthetic import generate_election
from election_assets.instance import fail_left_runs, opened_instance
from election_assets.settings import Settings
from tests.support.browser import chromium, kept

pytestmark = pytest.mark.slow

# One that is counted, one that is only registered.
SERVED, LATE = "dagster-served", "dagster-late"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with elections in it, in which the commands of this module are started."""
    made = tmp_path_factory.mktemp("work")
    for election_id in (SERVED, LATE):
        write_election(generate_election(election_id, 900, seed=7), made / "elections" / election_id)
    before = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@dataclass(frozen=True, slots=True)
class Served:
    """`election dev` at work: its process and the two addresses it printed."""

    process: subprocess.Popen[str]
    dagster: str
    page: str

    def ask(self, query: str, **variables: Any) -> Any:
        """Return what Dagster's GraphQL answers, as its web page would get it."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.dagster}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "election_assets", *arguments]


@pytest.fixture(scope="module")
def served(folder: Path, environment: dict[str, str]) -> Iterator[Served]:
    """Start `election dev` and wait for its addresses; it has stopped by itself, or is killed."""
    process = subprocess.Popen(command("dev"), env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    addresses: dict[str, str] = {}
    while len(addresses) < 2:
        line = process.stderr.readline()
        assert line, f"`election dev` ended with {process.wait()}"
        if found := re.match(r"(Dagster|Results): (http://[\d.:]+)", line):
            addresses[found[1]] = found[2]
    try:
        yield Served(process, addresses["Dagster"], addresses["Results"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


EXECUTABLE = """
{ assetNodes { assetKey { path } isExecutable jobNames assetMaterializations(limit: 1) { runId }
    assetChecksOrError { ... on AssetChecks { checks { name } } } } }
"""
LAUNCH = """
mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
TOLD = """
query ($election: String!) { assetNodeOrError(assetKey: {path: ["ledger", "positions"]}) { ... on AssetNode {
    assetMaterializations(partitions: [$election]) { runId timestamp } } } }
"""
RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
PARTITIONS = '{ assetNodeOrError(assetKey: {path: ["registry", "elections"]}) { ... on AssetNode { partitionKeys } } }'
ADD = """
mutation ($key: String!) { addDynamicPartition(partitionKey: $key, partitionsDefName: "elections",
    repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "election"}) { __typename } }
"""


def executable(served: Served) -> list[dict[str, Any]]:
    return [node for node in served.ask(EXECUTABLE)["assetNodes"] if node["isExecutable"]]


def materialize_all(served: Served, election_id: str) -> str:
    """Do what the button does where one partition is chosen: one run of the job that all assets share."""
    nodes = executable(served)
    (job,) = set.intersection(*(set(node["jobNames"]) for node in nodes)) - {"whole_road_job"}
    checks = [
        {"assetKey": node["assetKey"], "name": check["name"]}
        for node in nodes
        for check in node["assetChecksOrError"]["checks"]
    ]
    params = {
        "mode": "default",
        "runConfigData": "{}",
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": election_id}]},
        "selector": {
            "repositoryLocationName": "election",
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [node["assetKey"] for node in nodes],
            "assetCheckSelection": checks,
        },
    }
    run_id: str = served.ask(LAUNCH, params=params)["launchPipelineExecution"]["run"]["runId"]
    return run_id


def awaited(served: Served, run_id: str) -> str:
    """Wait for a run to end and return its status; the marts build themselves meanwhile, and builds wait in turn."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        status: str = served.ask(RUN, id=run_id)["runOrError"]["status"]
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            return status
        time.sleep(1)
    return "still running"


@pytest.fixture(scope="module")
def whole_road_run(served: Served) -> str:
    """A run that took an election the whole road, started as the button starts it, and seen to its end."""
    served.ask(ADD, key=SERVED)
    run_id = materialize_all(served, SERVED)
    assert awaited(served, run_id) == "SUCCESS"
    return run_id


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    yield page
    page.close()


def test_the_demo_election_can_be_chosen_from_the_start(served: Served) -> None:
    assert "adams-2020" in served.ask(PARTITIONS)["assetNodeOrError"]["partitionKeys"]


def test_materialize_all_in_the_browser_does_what_the_demo_does(
    served: Served, whole_road_run: str, environment: dict[str, str]
) -> None:
    assert [node["assetKey"]["path"] for node in executable(served) if not node["assetMaterializations"]] == []
    done = subprocess.run(command("reconcile", SERVED), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_browser_shows_the_road_of_a_ballot_as_one_graph(served: Served, whole_road_run: str, tab: Page) -> None:
    tab.goto(f"{served.dagster}/asset-groups")
    for group in ("registry", "votes", "ledger", "marts", "reports"):
        expect(tab.get_by_text(group, exact=True).first).to_be_visible(timeout=60_000)
    tab.goto(f"{served.dagster}/asset-groups/~/ledger/tallies*")
    kept(tab, "dagster-graph")


def test_a_browser_shows_a_finished_count_with_its_figures(served: Served, whole_road_run: str, tab: Page) -> None:
    tab.goto(f"{served.dagster}/runs/{whole_road_run}")
    expect(tab.get_by_text("counted_ballots", exact=True).first).to_be_visible(timeout=60_000)
    expect(tab.get_by_text("Success", exact=True).first).to_be_visible(timeout=60_000)
    kept(tab, "dagster-run")
    # Not the partition's latest: a sensor confirms the position each minute, and tells no run's figures.
    told = served.ask(TOLD, election=SERVED)["assetNodeOrError"]["assetMaterializations"]
    as_of = max(one["timestamp"] for one in told if one["runId"] == whole_road_run)
    tab.goto(f"{served.dagster}/assets/ledger/positions?view=events&asOf={as_of}")
    for figure in ("counted_count", "ended_why", "messages_per_second"):
        expect(tab.get_by_text(figure, exact=True).first).to_be_visible(timeout=60_000)
    kept(tab, "dagster-figures")


def test_an_election_registered_meanwhile_is_a_partition(served: Served, environment: dict[str, str]) -> None:
    subprocess.run(command("register", LATE), env=environment, capture_output=True, check=True)
    assert LATE in served.ask(PARTITIONS)["assetNodeOrError"]["partitionKeys"]


def test_the_results_page_answers(served: Served) -> None:
    with urllib.request.urlopen(f"{served.page}/_stcore/health", timeout=10) as answer:
        assert answer.read() == b"ok"


def test_nothing_is_served_beyond_this_machine(served: Served) -> None:
    listening = [
        connection.laddr.ip
        for process in psutil.Process(served.process.pid).children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 2
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_a_second_dev_on_the_same_home_is_refused(served: Served, environment: dict[str, str]) -> None:
    done = subprocess.run(command("dev"), env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "Another `election dev` serves" in done.stderr


def test_ctrl_c_stops_all_of_it_and_a_run_it_cut_off_is_marked_at_the_next_start(
    served: Served, settings: Settings
) -> None:
    run_id = materialize_all(served, SERVED)
    while served.ask(RUN, id=run_id)["runOrError"]["status"] != "STARTED":
        time.sleep(0.2)
    everything = psutil.Process(served.process.pid).children(recursive=True)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    _, left = psutil.wait_procs(everything, timeout=10)
    assert [process.pid for process in left if process.status() != psutil.STATUS_ZOMBIE] == []

    # The history may be under way beside it.
    assert fail_left_runs(settings) >= 1
    assert fail_left_runs(settings) == 0
    with opened_instance(settings) as instance:
        cut_off = instance.get_run_by_id(run_id)
    assert cut_off is not None
    assert cut_off.status is DagsterRunStatus.FAILURE
