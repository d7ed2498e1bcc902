"""Claims about `election metrics`: what a scrape tells is what the ledger has, whatever was away meanwhile."""

import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from election_assets.dbt import build_marts
from election_assets.domain.election import Publish
from election_assets.domain.verdict import Reason
from election_assets.metrics.serving import Watch
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import Message, draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner, positions_of, uncounted_of
from tests.support.log import appended, appended_in_transaction, opened
from tests.support.running import kill_engine

Count = Callable[..., CountFigures]

MEASURED = made_election("measured", partition_count=2)
_SECONDS = 60.0


@pytest.fixture(scope="module", autouse=True)
def night(settings: Settings, count_now: Count) -> None:
    """Ballots of all verdicts and a hole are counted, two more wait; two elections with hours, one of them over."""
    opened(settings, MEASURED)
    ballots = [draft(MEASURED, voter, {"mayor": ["ann"]}).message() for voter in roll_of(MEASURED)[:20]]
    appended(settings, "measured", [*ballots[:15], ballots[0], Message(0, b"x", b"not a ballot")])
    appended_in_transaction(settings, "measured", ballots[15:17], committed=True)
    count_now("measured")
    now = datetime.now(UTC)
    for election_id, closes_in in (("metrics-open", timedelta(hours=1)), ("metrics-closed", timedelta(hours=-1))):
        polls = {"opens_at": now - timedelta(hours=2), "closes_at": now + closes_in, "publish": Publish.AT_CLOSE}
        opened(settings, made_election(election_id, **polls))
    build_marts(settings)
    appended(settings, "measured", ballots[17:19])


@contextmanager
def served(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the command on a port of its own; yield its address. Ctrl-C ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "election_assets", "metrics", "--port", "0"],
        env=dict(environment), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith("Metrics: http://127.0.0.1:"), line
        yield line.removeprefix("Metrics: ").strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def scraped(address: str) -> dict[tuple[str, ...], float]:
    """Scrape once, which waits for no engine; return samples by their name and labels in the order of these."""
    with urllib.request.urlopen(address, timeout=2) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def await_scrape(address: str, name: str, value: float) -> dict[tuple[str, ...], float]:
    """Scrape until a metric without labels has this value."""
    deadline = time.monotonic() + _SECONDS
    while (found := scraped(address))[name,] != value:
        assert time.monotonic() < deadline, f"{name} is {found[name,]} after {_SECONDS:g} s."
        time.sleep(0.2)
    return found


def test_a_scrape_tells_what_the_ledger_and_the_log_have(settings: Settings, environment: dict[str, str]) -> None:
    with served(environment) as address:
        found = scraped(address)
    ledger = positions_of(settings, "measured")
    assert (ledger["counted"], ledger["rejected"], ledger["quarantined"]) == (17, 1, 1)
    assert ledger["holes"] > 0
    assert found["election_up",] == found["election_log_up",] == 1
    for verdict in ("counted", "rejected", "quarantined"):
        assert found["election_judged_messages_total", "measured", verdict] == ledger[verdict]
    assert found["election_holes_total", "measured"] == ledger["holes"]
    assert found["election_position_messages", "measured"] == ledger["next_offset"]
    assert found["election_log_end_messages", "measured"] == ledger["next_offset"] + 2
    assert found["election_lag_messages", "measured"] == 2
    reasons = Counter(Reason(reason) for reason in uncounted_of(settings, "measured").values())
    for reason, count in reasons.items():
        assert found["election_uncounted_messages_total", "measured", reason.value, reason.verdict.value] == count
    assert found["election_count_running", "measured"] == found["election_count_failed", "measured"] == 0
    assert found["election_batch_duration_seconds", "measured", "0.5"] > 0
    assert 0 <= time.time() - found["election_newest_ballot_timestamp_seconds", "measured"] < 600
    assert 0 <= time.time() - found["election_committed_timestamp_seconds", "measured"] < 600
    assert 0 <= time.time() - found["election_history_timestamp_seconds", "measured"] < 600


def test_an_election_with_hours_tells_whether_its_polls_are_open(environment: dict[str, str]) -> None:
    with served(environment) as address:
        found = scraped(address)
    assert found["election_polls_open", "metrics-open"] == 1
    assert found["election_polls_open", "metrics-closed"] == 0
    assert ("election_polls_open", "measured") not in found


def test_a_run_that_lives_and_one_that_failed_are_told(settings: Settings) -> None:
    """As the ledger has them while a count runs, and after its guard refused."""

    def told() -> tuple[float, float]:
        watch.read()
        values = {
            family.name: sample.value
            for family in watch.collect()
            for sample in family.samples
            if sample.labels.get("election_id") == "metrics-open"
        }
        return values["election_count_running"], values["election_count_failed"]

    watch = Watch(settings, print)
    with owner(settings) as connection:
        number = "(select election_number from registry.elections where election_id = 'metrics-open')"
        connection.execute(
            f"insert into ledger.count_runs (election_number, epoch, run_id) values ({number}, 1, 'a run')".encode()
        )
        assert told() == (1, 0)
        connection.execute(
            "update ledger.count_runs set ended_at = now(), ended_why = 'failed: the log was cut'"
            f" where election_number = {number}".encode()
        )
        assert told() == (0, 1)


def test_a_reader_of_marts_is_all_that_it_needs_to_be(environment: dict[str, str], settings: Settings) -> None:
    passwords = {
        f"ELECTION_POSTGRES_PASSWORD_{role.upper()}": "wrong" for role in settings.passwords if role != "reader"
    }
    with served({**environment, **passwords}) as address:
        assert scraped(address)["election_up",] == 1


def test_marts_that_are_not_built_are_said_to_be_missing(settings: Settings) -> None:
    said: list[str] = []
    Watch(replace(settings, postgres_database="postgres"), said.append).read()
    assert said == [
        'The marts are not built (relation "marts.dim_elections" does not exist): '
        "`election demo` or `make dev` builds them."
    ]


@pytest.mark.slow
def test_while_an_engine_is_away_the_endpoint_says_so_and_goes_on_by_itself(
    environment: dict[str, str], engines_home: Path, restarted: Callable[[], None]
) -> None:
    with served(environment) as address:
        before = scraped(address)
        for engine, up, source in (("postgres", "election_up", "postgres"), ("kafka", "election_log_up", "kafka")):
            kill_engine(engines_home, engine)
            away = await_scrape(address, up, 0)
            assert away["election_read_errors_total", source] > 0
            assert ("election_lag_messages", "measured") not in away
            assert (("election_position_messages", "measured") in away) == (engine == "kafka")
            restarted()
            back = await_scrape(address, up, 1)
            assert back["election_lag_messages", "measured"] == before["election_lag_messages", "measured"]
