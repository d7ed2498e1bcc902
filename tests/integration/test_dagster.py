"""Claims about Dagster on real engines: one run takes an election the whole road, and `election dev` serves it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from election_assets.dbt import current_manifest
from election_assets.definitions import build_definitions
from election_assets.domain.election_folder import write_election
from election_assets.domain.synthetic import generate_election
from election_assets.resources.lazy_settings import LazySettings
from election_assets.schedules import check_marts_schedule
from election_assets.settings import Settings
from tests.support.ledger import owner

# One for the runs in this process, one for the served Dagster, one that is only registered.
IN_PROCESS, SERVED, LATE = "dagster-run", "dagster-served", "dagster-late"
VOTERS = 900

RunJob = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with elections in it, in which the commands and runs of this module are started."""
    made = tmp_path_factory.mktemp("work")
    for election_id in (IN_PROCESS, SERVED, LATE):
        write_election(generate_election(election_id, VOTERS, seed=7), made / "elections" / election_id)
    before = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.fixture(scope="module")
def run_job(folder: Path, engines_home: Path, environment: dict[str, str]) -> Iterator[RunJob]:
    """Run a job in this process, on an instance of its own; the second word is the election, where it has one."""
    manifest = json.loads(current_manifest(engines_home, environment).read_bytes())
    definitions = build_definitions(environment, manifest)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", [IN_PROCESS, "nowhere-2020"])

        def run(job_name: str, election_id: str | None = None) -> dg.ExecuteInProcessResult:
            job = definitions.resolve_job_def(job_name)
            return job.execute_in_process(instance=instance, partition_key=election_id, raise_on_error=False)

        yield run


@pytest.fixture(scope="module")
def whole_road(run_job: RunJob) -> Callable[[str], dg.ExecuteInProcessResult]:
    """Run `whole_road_job` for an election."""
    return partial(run_job, "whole_road_job")


@pytest.fixture(scope="module")
def first_run(whole_road: Callable[[str], dg.ExecuteInProcessResult]) -> dg.ExecuteInProcessResult:
    return whole_road(IN_PROCESS)


def metadata(run: dg.ExecuteInProcessResult, *key: str) -> dict[str, Any]:
    """What a run said about an asset at last; the ledger's figures are told while it counts, too."""
    *_, found = [
        event.step_materialization_data.materialization
        for event in run.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey(key)
    ]
    return {name: value.value for name, value in found.metadata.items()}


def test_one_run_takes_an_election_the_whole_road(first_run: dg.ExecuteInProcessResult) -> None:
    assert first_run.success
    ballots = metadata(first_run, "votes", "raw_votes")["dagster/row_count"]
    assert 0 < ballots < VOTERS
    positions = metadata(first_run, "ledger", "positions")
    assert positions["position"] == positions["counted_count"] == positions["messages"] == ballots
    assert positions["lag"] == 0
    assert metadata(first_run, "ledger", "participation")["dagster/row_count"] == ballots
    assert metadata(first_run, "registry", "voters")["dagster/row_count"] == VOTERS


def test_the_run_says_that_every_official_figure_is_reproduced(first_run: dg.ExecuteInProcessResult) -> None:
    found = metadata(first_run, "reports", "reconciliation")
    assert found["cells_unexplained"] == 0
    assert found["cells_reproduced"] == found["dagster/row_count"] > 0
    assert re.fullmatch(r"[\d,]+ of [\d,]+ official cells reproduced\.", found["sentence"])
    checks = first_run.get_asset_check_evaluations()
    assert "official_figures_are_reproduced" in {check.check_name for check in checks}
    assert [check.check_name for check in checks if not check.passed] == []


def test_running_again_casts_and_counts_nothing(
    first_run: dg.ExecuteInProcessResult, whole_road: Callable[[str], dg.ExecuteInProcessResult]
) -> None:
    again = whole_road(IN_PROCESS)
    assert again.success
    assert metadata(again, "votes", "raw_votes")["sent"] == 0
    positions = metadata(again, "ledger", "positions")
    assert positions["messages"] == 0
    assert positions["position"] == metadata(first_run, "ledger", "positions")["position"]
    tallies = metadata(again, "ledger", "tallies")["dagster/row_count"]
    assert tallies == metadata(first_run, "ledger", "tallies")["dagster/row_count"] > 0


def test_the_marts_say_how_many_rows_they_have(first_run: dg.ExecuteInProcessResult) -> None:
    assert metadata(first_run, "marts", "dim_elections")["dagster/row_count"] >= 1


def test_the_marts_are_checked_as_they_stand_and_nothing_is_built(
    first_run: dg.ExecuteInProcessResult, run_job: RunJob
) -> None:
    checked = run_job("check_marts_job")
    assert checked.success
    assert [check.check_name for check in checked.get_asset_check_evaluations() if not check.passed] == []
    assert len(checked.get_asset_check_evaluations()) > 20
    assert [event for event in checked.all_events if event.is_step_materialization] == []


def test_the_marts_are_checked_by_schedule_as_long_as_something_is_counted(
    first_run: dg.ExecuteInProcessResult, environment: dict[str, str]
) -> None:
    def evaluated(at: datetime, **changes: str) -> Any:
        context = dg.build_schedule_context(scheduled_execution_time=at)
        return check_marts_schedule(context, settings=LazySettings({**environment, **changes}))

    now = datetime.now(UTC)
    assert isinstance(evaluated(now), dg.RunRequest)
    assert evaluated(now + timedelta(hours=1)).skip_message == "Nothing was counted in the last 6 minutes."
    assert evaluated(now, ELECTION_POSTGRES_DATABASE="postgres").skip_message == "The marts are not built yet."


@pytest.fixture
def falsified(first_run: dg.ExecuteInProcessResult, settings: Settings) -> Iterator[None]:
    """Let a candidate have a vote for which there is no ballot, as only the ledger's owner could write it."""
    change = """
        update ledger.tallies set vote_count = vote_count + %s where ctid = (
            select t.ctid from ledger.tallies t join registry.elections e using (election_number)
            where e.election_id = %s
            order by contest_number, candidate_number, precinct_number, method_number, partition limit 1
        )
    """
    with owner(settings) as connection:
        connection.execute(change, (1, IN_PROCESS))
        yield
        connection.execute(change, (-1, IN_PROCESS))


@pytest.mark.usefixtures("falsified")
def test_a_broken_ledger_fails_its_check_and_nothing_downstream_of_it_is_made(
    whole_road: Callable[[str], dg.ExecuteInProcessResult],
) -> None:
    run = whole_road(IN_PROCESS)
    assert not run.success
    failed = {check.check_name for check in run.get_asset_check_evaluations() if not check.passed}
    assert failed == {"ballots_are_votes_undervotes_and_overvotes"}
    made = {event.asset_key.path[0] for event in run.all_events if event.is_step_materialization and event.asset_key}
    assert made & {"ledger", "staging", "marts"} == {"ledger"}
    assert not [one for one in run.all_events if one.is_step_materialization and one.step_key == "reconciliation"]


@pytest.mark.usefixtures("falsified")
def test_a_broken_ledger_fails_the_marts_that_are_recounted_from_another_table(run_job: RunJob) -> None:
    checked = run_job("check_marts_job")
    assert {check.check_name for check in checked.get_asset_check_evaluations() if not check.passed} == {
        "fct_candidate_results__votes_are_those_recounted_from_the_ballots",
        "fct_contest_totals__ballots_are_votes_undervotes_and_overvotes",
    }


def test_an_election_that_nobody_knows_fails_at_once_and_names_those_there_are(
    whole_road: Callable[[str], dg.ExecuteInProcessResult],
) -> None:
    run = whole_road("nowhere-2020")
    (failed,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    assert failed.user_failure_data is not None
    assert "adams-2020" in (failed.user_failure_data.description or "")
    assert not [event for event in run.all_events if event.is_step_up_for_retry]


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
    """Wait for a run to end and return its status."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        status: str = served.ask(RUN, id=run_id)["runOrError"]["status"]
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            return status
        time.sleep(1)
    return "still running"


def test_the_demo_election_can_be_chosen_from_the_start(served: Served) -> None:
    assert "adams-2020" in served.ask(PARTITIONS)["assetNodeOrError"]["partitionKeys"]


def test_materialize_all_in_the_browser_does_what_the_demo_does(served: Served, environment: dict[str, str]) -> None:
    served.ask(ADD, key=SERVED)
    assert awaited(served, materialize_all(served, SERVED)) == "SUCCESS"
    assert [node["assetKey"]["path"] for node in executable(served) if not node["assetMaterializations"]] == []
    done = subprocess.run(command("reconcile", SERVED), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
    served: Served, environment: dict[str, str]
) -> None:
    run_id = materialize_all(served, SERVED)
    while served.ask(RUN, id=run_id)["runOrError"]["status"] != "STARTED":
        time.sleep(0.2)
    everything = psutil.Process(served.process.pid).children(recursive=True)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    _, left = psutil.wait_procs(everything, timeout=10)
    assert [process.pid for process in left if process.status() != psutil.STATUS_ZOMBIE] == []

    script = (
        "import os; from election_assets.instance import fail_left_runs; from election_assets.settings import Settings;"
        "print(fail_left_runs(Settings.from_environment(os.environ)))"
    )
    for expected in ("1", "0"):
        found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert found.stdout.strip() == expected, found.stderr
