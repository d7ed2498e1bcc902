"""Claims about sensors and schedule without engines: they say why they wait, and tell of what failed."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from election_assets import sensors
from election_assets.assets.ledger import POSITIONS, REFUSAL_TAG
from election_assets.errors import PermanentError
from election_assets.jobs import count_ballots_job
from election_assets.resources.lazy_settings import LazySettings
from election_assets.runs_under_way import failures_of, runs_under_way
from election_assets.schedules import check_marts_schedule
from election_assets.sensors import count_ended_sensor, count_lag_sensor, failed_run_alert, lag_watch_sensor
from election_assets.supervision import Phase, Standing

ELECTION = "springfield"
ENDPOINTS = {
    "ELECTION_POSTGRES_HOST": "127.0.0.1",
    "ELECTION_POSTGRES_PORT": "1",
    "ELECTION_POSTGRES_DATABASE": "election",
    "ELECTION_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "ELECTION_POSTGRES_PASSWORD_COUNTER": "x",
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("elections", [ELECTION])
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> LazySettings:
    return LazySettings({"ELECTION_HOME": str(tmp_path), **ENDPOINTS})


def ticked(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, settings: LazySettings) -> Any:
    return sensor(dg.build_sensor_context(instance=instance), settings=settings)


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
    return instance.create_run_for_job(_job(), status=status, tags={"dagster/partition": ELECTION, **tags})


def _job() -> dg.JobDefinition:
    @dg.job(name=count_ballots_job.name)
    def counting() -> None:
        pass

    return counting


@pytest.mark.parametrize("sensor", [count_lag_sensor, lag_watch_sensor, count_ended_sensor])
def test_before_any_engine_was_started_a_sensor_says_what_comes_first(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    skipped = ticked(sensor, instance, LazySettings({"ELECTION_HOME": str(tmp_path)}))
    assert "`election up` starts engines" in skipped.skip_message


@pytest.mark.parametrize("sensor", [count_lag_sensor, lag_watch_sensor, count_ended_sensor])
def test_a_database_that_is_away_is_the_reason_for_skipping(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, settings: LazySettings
) -> None:
    assert ticked(sensor, instance, settings).skip_message.startswith("Postgres did not answer (")


@pytest.mark.parametrize(("known", "said"), [({}, "`election up` starts engines"), (ENDPOINTS, "did not answer (")])
def test_the_schedule_says_why_nothing_is_checked_without_engines(
    known: dict[str, str], said: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
    settings = LazySettings({"ELECTION_HOME": str(tmp_path), **known, "ELECTION_POSTGRES_PASSWORD_BUILDER": "x"})
    assert said in check_marts_schedule(context, settings=settings).skip_message


def test_a_waiting_election_is_counted_once_however_often_the_sensor_looks(
    instance: dg.DagsterInstance, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "standings", lambda _: [Standing(ELECTION, 0, 5, None, 0.0, False)])
    (request,) = ticked(count_lag_sensor, instance, settings).run_requests
    assert request.partition_key == ELECTION
    run_of(instance, dg.DagsterRunStatus.NOT_STARTED)
    assert "is starting" in ticked(count_lag_sensor, instance, settings).skip_message


def test_a_run_of_a_process_that_is_gone_is_failed_and_replaced(
    instance: dg.DagsterInstance, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTED)
    silent = Standing(ELECTION, 0, 5, run.run_id, 16.0, False)
    monkeypatch.setattr(sensors, "standings", lambda _: [silent])
    assert len(ticked(count_lag_sensor, instance, settings).run_requests) == 1
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE


def test_a_refused_count_is_not_tried_again_while_it_would_be_refused(
    instance: dg.DagsterInstance, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(instance, dg.DagsterRunStatus.FAILURE, **{REFUSAL_TAG: "The log was cut."})
    monkeypatch.setattr(sensors, "standings", lambda _: [Standing(ELECTION, 9, 5, None, 0.0, False)])

    def refusing(_: object) -> int:
        raise PermanentError("The log was cut. Restore it.")

    monkeypatch.setattr(sensors, "waiting_messages", refusing)
    assert (
        "the count refuses: The log was cut. Restore it." in ticked(count_lag_sensor, instance, settings).skip_message
    )
    monkeypatch.setattr(sensors, "waiting_messages", lambda _: 5)
    monkeypatch.setattr(sensors, "kept_rules", lambda *_: ())
    assert len(ticked(count_lag_sensor, instance, settings).run_requests) == 1


def test_a_quiet_ledger_is_confirmed_and_its_lag_checked(
    instance: dg.DagsterInstance, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(sensors, "standings", lambda _: [Standing(ELECTION, 9, 0, None, 0.0, False)])
    monkeypatch.setattr(sensors, "keep_totals", lambda _, election_id: kept.append(election_id))
    confirmed, check = ticked(lag_watch_sensor, instance, settings).asset_events
    assert (confirmed.asset_key, confirmed.partition) == (POSITIONS, ELECTION)
    assert check.passed
    assert kept == [ELECTION]


def test_runs_of_other_elections_and_jobs_are_not_mistaken_for_counts(instance: dg.DagsterInstance) -> None:
    run_of(instance, dg.DagsterRunStatus.STARTED)

    @dg.job(name="build_marts_job")
    def other() -> None:
        pass

    instance.create_run_for_job(other, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": ELECTION})
    assert [run.phase for run in runs_under_way(instance, ELECTION)] == [Phase.STARTED]
    assert runs_under_way(instance, "shelbyville") == []


def test_failures_count_only_since_the_last_success(instance: dg.DagsterInstance) -> None:
    for status in ("FAILURE", "SUCCESS", "FAILURE", "FAILURE"):
        run_of(instance, dg.DagsterRunStatus(status))
    assert failures_of(instance, ELECTION).count == 2


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is told; answers with the server's status."""

    def do_POST(self) -> None:
        server: Any = self.server
        server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Webhook)
    server.told, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("status", [200, 500])
def test_a_failed_run_is_told_to_the_webhook_and_a_deaf_webhook_is_no_new_failure(
    instance: dg.DagsterInstance, settings: LazySettings, webhook: Any, status: int
) -> None:
    webhook.status = status
    address = f"http://127.0.0.1:{webhook.server_address[1]}/hook"

    @dg.op
    def refuse() -> None:
        raise dg.Failure("The log was cut.")

    @dg.job
    def count() -> None:
        refuse()

    run = count.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/partition": ELECTION})
    context = dg.build_run_status_sensor_context(
        "failed_run_alert", run.get_run_failure_event(), instance, run.dagster_run
    ).for_run_failure()
    failed_run_alert(context, settings=LazySettings({**settings.environ, "ELECTION_ALERT_WEBHOOK": address}))
    (told,) = webhook.told
    assert told["election"] == ELECTION
    assert told["text"].startswith(f"Run {run.dagster_run.run_id} of count ({ELECTION}) failed: ")
