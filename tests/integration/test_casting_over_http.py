"""Claims about docs/rest.md: its lines, run in a shell, make the request of a ballot that counts.

Karapace itself is in no package registry. A stand-in for curl takes the request down, and here it is carried out as
the proxy would: decoded from base64 and sent to the partition it names.
"""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from confluent_kafka import KafkaError, Producer
from kafka import KafkaProducer

from election_assets.domain.topics import votes_topic_of
from election_assets.errors import PermanentError
from election_assets.inspection import inspect_message, partition_of_voter
from election_assets.registry import register
from election_assets.settings import PROJECT, Settings
from spark.figures import CountFigures
from tests.support.ballots import draft, partition_for
from tests.support.elections import made_election, roll_of
from tests.support.log import opened

Count = Callable[..., CountFigures]

DOC = (PROJECT / "docs" / "rest.md").read_text(encoding="utf-8")
PREPARED, CAST, COUNTED, PROXY = re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL)
ANSWER = json.loads(re.findall(r"```json\n(.*?)```", DOC, re.DOTALL)[0])

CURL = f"""#!{sys.executable}
import json, os, sys
open(os.environ["TAKEN_DOWN"], "w").write(json.dumps(sys.argv[1:]))
"""
ELECTION = f"""#!/bin/sh
exec {shlex.quote(sys.executable)} -m election_assets "$@"
"""


def ran(lines: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shell(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Run lines of the page, `election` being this one's and `curl` the stand-in."""
    folder = tmp_path_factory.mktemp("shell")
    for name, text in (("curl", CURL), ("election", ELECTION)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{environment['PATH']}"
    variables = {**environment, "PATH": path, "PYTHONPATH": str(PROJECT), "TAKEN_DOWN": str(folder / "request")}
    return lambda lines: ran(lines, variables, folder)


@pytest.fixture(scope="module")
def request_made(shell: Callable[[str], str]) -> Namespace:
    """What curl is asked for by the page."""
    shell(PREPARED)
    arguments = json.loads(shell(f'{CAST}\ncat "$TAKEN_DOWN"'))
    parser = ArgumentParser()
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--show-error", action="store_true")
    parser.add_argument("--max-time", type=float)
    parser.add_argument("--header", action="append")
    parser.add_argument("--data")
    parser.add_argument("url")
    return parser.parse_args(arguments)


def test_the_request_is_one_that_the_proxy_takes(request_made: Namespace) -> None:
    headers = dict(header.split(": ", 1) for header in request_made.header)
    assert headers == {
        "Content-Type": "application/vnd.kafka.binary.v2+json",
        "Accept": "application/vnd.kafka.v2+json",
    }
    url = urlsplit(request_made.url)
    assert (url.scheme, url.netloc, url.path) == ("http", "127.0.0.1:8082", "/topics/votes_topic.rest-trial")
    body = json.loads(request_made.data)
    assert list(body) == ["records"]
    assert [set(record) for record in body["records"]] == [{"key", "value", "partition"}]


def test_the_ballot_of_the_page_counts(settings: Settings, request_made: Namespace, count_now: Count) -> None:
    topic = urlsplit(request_made.url).path.removeprefix("/topics/")
    (record,) = json.loads(request_made.data)["records"]
    key, value = (base64.b64decode(record[name], validate=True) for name in ("key", "value"))
    proxy = KafkaProducer(**settings.kafka.client_options(), acks="all")
    sent = proxy.send(topic, key=key, value=value, partition=record["partition"]).get(timeout=30)
    proxy.close()
    assert ANSWER["offsets"] == [{"offset": sent.offset, "partition": sent.partition}]
    figures = count_now("rest-trial")
    assert (figures.counted, figures.rejected, figures.quarantined) == (1, 0, 0)
    found = inspect_message(settings, "rest-trial", f"{sent.partition}:{sent.offset}")
    assert (found.key, found.value, found.verdict) == (key.decode(), value.decode(), "counted")
    assert f"election inspect rest-trial {sent.partition}:{sent.offset}\n" in COUNTED


def sent_in_one_burst(settings: Settings, election_id: str, proxy: dict[str, str]) -> list[int]:
    """Send the ballots of a whole roll at once as the proxy's client does; return the codes of what went wrong."""
    topic = votes_topic_of(election_id, settings.votes_topic)
    codes: list[int] = []

    def settled(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            codes.append(error.code())

    client = Producer(
        {
            "bootstrap.servers": str(settings.kafka),
            "linger.ms": 100,
            "acks": proxy["KARAPACE_PRODUCER_ACKS"],
            "message.max.bytes": int(proxy["KARAPACE_PRODUCER_MAX_REQUEST_SIZE"]),
        }
    )
    election = made_election(election_id, partition_count=1, voters_each=200)
    for voter in roll_of(election):
        message = draft(election, voter).message()
        client.produce(topic, message.value, message.key, message.partition, settled)
    client.flush(30)
    return codes


def test_a_burst_is_taken_by_a_proxy_that_is_set_up_as_the_page_says_and_by_no_other(
    settings: Settings, count_now: Count
) -> None:
    proxy = dict(line.split("=", 1) for line in PROXY.split())
    for election_id, size, codes in (
        ("http-burst", proxy["KARAPACE_PRODUCER_MAX_REQUEST_SIZE"], set()),
        ("http-burst-by-default", "1048576", {KafkaError.MSG_SIZE_TOO_LARGE}),
    ):
        opened(settings, made_election(election_id, partition_count=1, voters_each=200))
        found = sent_in_one_burst(settings, election_id, {**proxy, "KARAPACE_PRODUCER_MAX_REQUEST_SIZE": size})
        assert set(found) == codes
    assert count_now("http-burst").counted == 1_000


def test_a_partition_follows_from_the_id_alone(settings: Settings) -> None:
    election = made_election("partitioned", partition_count=3, voters_each=5)
    opened(settings, election)
    for voter_id in (*(voter.voter_id for voter in roll_of(election)), "a-stranger"):
        assert partition_of_voter(settings, "partitioned", voter_id) == partition_for(voter_id.encode(), 3)


@pytest.mark.parametrize("voter_id", ["", "a b", "v\n", "v" * 65, "ü"])
def test_an_id_that_no_ballot_may_have_is_refused(settings: Settings, voter_id: str) -> None:
    with pytest.raises(PermanentError, match="is no voter's id"):
        partition_of_voter(settings, "partitioned", voter_id)


def test_an_election_that_is_not_open_has_no_partitions_yet(settings: Settings) -> None:
    register(settings.conninfo("registrar"), made_election("still-a-draft"))
    for election_id in ("still-a-draft", "atlantis"):
        with pytest.raises(PermanentError, match=f"not open.*`election open {election_id}` comes first"):
            partition_of_voter(settings, election_id, "v6n039dax")
