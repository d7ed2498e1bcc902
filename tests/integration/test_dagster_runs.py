"""Claims about Dagster's runs on real engines: one takes an election the whole road, and a broken ledger stops it."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from election_assets.assets.marts import source_freshness
from election_assets.dbt import current_manifest
from election_assets.definitions import build_definitions
from election_assets.domain.election_folder import write_election
from election_assets.domain.synthetic import generate_election
from election_assets.resources.lazy_settings import LazySettings
from election_assets.schedules import check_marts_schedule
from election_assets.sensors import count_ended_sensor
from election_assets.settings import Settings
from tests.support.ledger import owner

ELECTION = "dagster-run"
VOTERS = 900

RunJob = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an election in it, in which the runs of this module are started."""
    made = tmp_path_factory.mktemp("work")
    write_election(generate_election(ELECTION, VOTERS, seed=7), made / "elections" / ELECTION)
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
        instance.add_dynamic_partitions("elections", [ELECTION, "nowhere-2020"])

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
    return whole_road(ELECTION)


def metadata(run: dg.ExecuteInProcessResult, *key: str) -> dict[str, Any]:
    """What a run said about an asset at last; the ledger's figures are told while it counts, too."""
    *_, found = [
        event.step_materialization_data.materialization
        for event in run.all_events
        if event.is_step_materialization and event.asset_key == dg.AssetKey(key)
    ]
    return {name: value.value for name, value in found.metadata.items()}


def failed_checks(run: dg.ExecuteInProcessResult) -> set[str]:
    """Return the checks that failed, but for the one that tells of counts which other tests left half-way."""
    failed = {one.check_name for one in run.get_asset_check_evaluations() if not one.passed}
    return failed - {"fct_results_history__reaches_what_is_counted"}


def test_one_run_takes_an_election_the_whole_road(first_run: dg.ExecuteInProcessResult) -> None:
    assert first_run.success
    ballots = metadata(first_run, "votes", "raw_votes")["dagster/row_count"]
    assert 0 < ballots < VOTERS
    positions = metadata(first_run, "ledger", "positions")
    assert positions["position"] == positions["counted_count"] == positions["messages"] == ballots
    assert positions["lag"] == 0
    assert metadata(first_run, "ledger", "participation")["dagster/row_count"] == ballots
    assert metadata(first_run, "registry", "voters")["dagster/row_count"] == VOTERS


def test_the_log_is_recounted_and_a_later_commit_asks_for_it_again(
    first_run: dg.ExecuteInProcessResult, settings: Settings, environment: dict[str, str]
) -> None:
    found = metadata(first_run, "ledger", "verifications")
    assert found["messages"] == found["position"] == metadata(first_run, "ledger", "positions")["position"]
    assert re.fullmatch(r".* were recounted in [\d.]+ s: all \d+ checks passed\.", found["sentence"])

    def asked_for() -> set[str | None]:
        result: Any = count_ended_sensor(dg.build_sensor_context(), settings=LazySettings(environment))
        if isinstance(result, dg.SkipReason):
            return set()
        return {request.partition_key for request in result.run_requests}

    assert ELECTION not in asked_for()
    touch = (
        "update ledger.positions set committed_at = {} where partition = 0 and election_number ="
        " (select election_number from registry.elections where election_id = %s)"
    )
    with owner(settings) as connection:
        connection.execute(touch.format("clock_timestamp()").encode(), (ELECTION,))
        assert ELECTION in asked_for()
        connection.execute(touch.format("committed_at - interval '1 day'").encode(), (ELECTION,))
    assert ELECTION not in asked_for()


def test_the_run_says_that_every_official_figure_is_reproduced(first_run: dg.ExecuteInProcessResult) -> None:
    found = metadata(first_run, "reports", "reconciliation")
    assert found["cells_unexplained"] == 0
    assert found["cells_reproduced"] == found["dagster/row_count"] > 0
    assert re.fullmatch(r"[\d,]+ of [\d,]+ official cells reproduced\.", found["sentence"])
    checks = first_run.get_asset_check_evaluations()
    assert "official_figures_are_reproduced" in {check.check_name for check in checks}
    assert failed_checks(first_run) == set()


def test_running_again_casts_and_counts_nothing(
    first_run: dg.ExecuteInProcessResult, whole_road: Callable[[str], dg.ExecuteInProcessResult]
) -> None:
    again = whole_road(ELECTION)
    assert again.success
    assert metadata(again, "votes", "raw_votes")["sent"] == 0
    positions = metadata(again, "ledger", "positions")
    assert positions["messages"] == 0
    assert positions["position"] == metadata(first_run, "ledger", "positions")["position"]
    tallies = metadata(again, "ledger", "tallies")["dagster/row_count"]
    assert tallies == metadata(first_run, "ledger", "tallies")["dagster/row_count"] > 0


def test_the_marts_say_how_many_rows_they_have(first_run: dg.ExecuteInProcessResult) -> None:
    assert metadata(first_run, "marts", "dim_elections")["dagster/row_count"] >= 1


def test_the_documentation_is_one_file_that_names_every_mart(first_run: dg.ExecuteInProcessResult) -> None:
    page = Path(metadata(first_run, "reports", "dbt_documentation")["file"]).read_text(encoding="utf-8")
    assert "Results as they stood. One row per moment, contest and candidate" in page


def test_dbts_own_freshness_is_a_check(first_run: dg.ExecuteInProcessResult, environment: dict[str, str]) -> None:
    (told,) = [one for one in first_run.get_asset_check_evaluations() if one.check_name == "its_source_is_fresh"]
    assert told.passed
    assert told.description
    assert "PASS freshness of ledger.positions" in told.description
    # What dbt cannot ask is not called fresh.
    away = source_freshness(LazySettings({**environment, "ELECTION_POSTGRES_DATABASE": "postgres"}))
    assert isinstance(away, dg.AssetCheckResult)
    assert not away.passed
    assert "`dbt source` failed" in (away.description or "")


def test_the_marts_are_checked_as_they_stand_and_nothing_is_built(
    first_run: dg.ExecuteInProcessResult, run_job: RunJob
) -> None:
    checked = run_job("check_marts_job")
    assert checked.success
    assert failed_checks(checked) == set()
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
        connection.execute(change, (1, ELECTION))
        yield
        connection.execute(change, (-1, ELECTION))


@pytest.mark.usefixtures("falsified")
def test_a_broken_ledger_fails_its_check_and_nothing_downstream_of_it_is_made(
    whole_road: Callable[[str], dg.ExecuteInProcessResult],
) -> None:
    run = whole_road(ELECTION)
    assert not run.success
    assert failed_checks(run) == {"ballots_are_votes_undervotes_and_overvotes"}
    made = {event.asset_key.path[0] for event in run.all_events if event.is_step_materialization and event.asset_key}
    assert made & {"ledger", "staging", "marts"} == {"ledger"}
    assert not [one for one in run.all_events if one.is_step_materialization and one.step_key == "reconciliation"]


@pytest.mark.usefixtures("falsified")
def test_a_broken_ledger_fails_the_independent_recount(run_job: RunJob) -> None:
    verified = run_job("verify_log_job", ELECTION)
    assert not verified.success
    (told,) = verified.get_asset_check_evaluations()
    assert (told.check_name, told.passed) == ("the_log_comes_to_the_ledger", False)
    assert re.fullmatch(r"partition 0, tallies .*: \d+ expected, \d+ found", told.description or "")


@pytest.mark.usefixtures("falsified")
def test_a_broken_ledger_fails_the_marts_that_are_recounted_from_another_table(run_job: RunJob) -> None:
    checked = run_job("check_marts_job")
    assert failed_checks(checked) == {
        "fct_candidate_results__votes_are_those_recounted_from_the_ballots",
        "fct_contest_totals__ballots_are_votes_undervotes_and_overvotes",
        "fct_reconciliation__every_cell_is_balanced",
    }


def test_an_election_that_nobody_knows_fails_at_once_and_names_those_there_are(
    whole_road: Callable[[str], dg.ExecuteInProcessResult],
) -> None:
    run = whole_road("nowhere-2020")
    (failed,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    assert failed.user_failure_data is not None
    assert "adams-2020" in (failed.user_failure_data.description or "")
    assert not [event for event in run.all_events if event.is_step_up_for_retry]
