"""Claims about the endpoint without engines: it answers whatever is away, and says so once."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from election_assets.errors import PermanentError, TransientError
from election_assets.metrics import serving as module
from election_assets.metrics.reading import ElectionFigures, UncountedFigures
from election_assets.metrics.serving import Watch, serving
from election_assets.settings import Settings

# Nothing listens on port 1.
NOWHERE = {
    "ELECTION_POSTGRES_HOST": "127.0.0.1",
    "ELECTION_POSTGRES_PORT": "1",
    "ELECTION_POSTGRES_DATABASE": "election",
    "ELECTION_POSTGRES_PASSWORD_READER": "a secret",
    "ELECTION_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


@pytest.fixture
def marts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the marts be there, with nothing in them."""
    for name in ("read_elections", "read_uncounted"):
        monkeypatch.setattr(module, name, lambda _: ())


@pytest.fixture
def nowhere(tmp_path: Path) -> Settings:
    return Settings.from_environment({**NOWHERE, "ELECTION_HOME": str(tmp_path)})


def scraped(address: str) -> dict[str, float]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_a_database_the_endpoint_answers_that_it_is_away(nowhere: Settings) -> None:
    said: list[str] = []
    with serving(nowhere, "127.0.0.1", 0, said.append) as address:
        found = scraped(address)
        assert scraped(address) == found
    assert found == {
        "election_up": 0,
        "election_log_up": 0,
        "election_read_errors_total,postgres": 1,
        "election_read_errors_total,kafka": 0,
    }
    (sentence,) = said
    assert "The marts cannot be read" in sentence
    assert "`election status`" in sentence
    assert "\n" not in sentence


def test_it_is_read_again_by_itself_and_not_by_scrapes(nowhere: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.05)
    with serving(nowhere, "127.0.0.1", 0, print) as address:
        deadline = time.monotonic() + 20
        while scraped(address)["election_read_errors_total,postgres"] < 3:
            assert time.monotonic() < deadline


@pytest.mark.usefixtures("marts")
def test_an_engine_that_goes_and_comes_is_told_once_each_time(
    nowhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    answers: Iterator[Exception | None] = iter((None, TransientError("Kafka is away."), TransientError("Still."), None))

    def log_ends(*_: object) -> dict[str, int]:
        if error := next(answers):
            raise error
        return {}

    monkeypatch.setattr(module, "read_log_ends", log_ends)
    watch = Watch(nowhere, said.append)
    up = []
    for _ in range(4):
        watch.read()
        up.append(next(family.samples[0].value for family in watch.collect() if family.name == "election_log_up"))
    assert up == [1, 0, 0, 1]
    assert said == ["Kafka is away.", "Kafka answers again."]


def test_marts_that_are_not_built_are_a_sentence_with_the_remedy(
    nowhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unbuilt(_: str) -> tuple[ElectionFigures, ...]:
        raise psycopg.errors.UndefinedTable

    said: list[str] = []
    monkeypatch.setattr(module, "read_elections", unbuilt)
    Watch(nowhere, said.append).read()
    assert "`election demo` or `make dev` builds them" in said[0]


@pytest.mark.usefixtures("marts")
def test_what_was_read_long_ago_is_not_told_as_if_it_were_so_now(
    nowhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "read_log_ends", lambda *_: {})
    watch = Watch(nowhere, print)
    watch.read()

    def up() -> float:
        return next(family.samples[0].value for family in watch.collect() if family.name == "election_up")

    assert up() == 1
    # An engine that was stopped in the middle of a reading: none comes after it.
    monkeypatch.setattr(module, "_FRESH_SECONDS", 0.0)
    assert up() == 0


@pytest.mark.usefixtures("marts")
@pytest.mark.parametrize(("pauses", "readings"), [(0, 3), (10**9, 1)], ids=["cheap", "dear"])
def test_reasons_that_are_dear_to_read_are_read_less_often(
    nowhere: Settings, monkeypatch: pytest.MonkeyPatch, pauses: int, readings: int
) -> None:
    asked: list[str] = []

    def uncounted(conninfo: str) -> tuple[UncountedFigures, ...]:
        asked.append(conninfo)
        return (UncountedFigures("counted", "rejected", "second_ballot", len(asked)),)

    monkeypatch.setattr(module, "read_uncounted", uncounted)
    monkeypatch.setattr(module, "read_log_ends", lambda *_: {})
    monkeypatch.setattr(module, "_REASONS_PAUSES", pauses)
    watch = Watch(nowhere, print)
    for _ in range(3):
        watch.read()
    (told,) = (family for family in watch.collect() if family.name == "election_uncounted_messages")
    assert len(asked) == told.samples[0].value == readings


@pytest.mark.usefixtures("marts")
def test_reasons_that_take_too_long_are_left_out_alone(nowhere: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def canceled(_: str) -> tuple[UncountedFigures, ...]:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    said: list[str] = []
    monkeypatch.setattr(module, "read_uncounted", canceled)
    monkeypatch.setattr(module, "read_log_ends", lambda *_: {})
    watch = Watch(nowhere, said.append)
    watch.read()
    found = {family.name: [sample.value for sample in family.samples] for family in watch.collect()}
    assert found["election_up"] == [1]
    assert found["election_read_errors"] == [1, 0]
    assert found["election_uncounted_messages"] == []
    assert "statement timeout" in said[0]


def test_an_address_that_cannot_be_listened_on_is_one_sentence(nowhere: Settings) -> None:
    with (
        pytest.raises(PermanentError, match=r"Nothing can listen on 192\.0\.2\.1:0 \(.+\): give another place"),
        serving(nowhere, "192.0.2.1", 0, print),
    ):
        pass


def test_a_taken_port_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "election_assets", "metrics", "--port", str(port)],
            env={"PATH": "/usr/bin:/bin", "ELECTION_HOME": str(tmp_path), **NOWHERE},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"Nothing can listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
