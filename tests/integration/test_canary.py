"""The claim that only the votes topic connects a voter with a choice: one voter is looked for in every output."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from election_assets.corrections import Status, mark
from election_assets.domain.topics import votes_topic_of
from election_assets.exports import Format
from election_assets.exports.exporting import export_election
from election_assets.metrics.serving import Watch
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.topic import LogReader
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner
from tests.support.log import appended, opened

Count = Callable[..., CountFigures]

ELECTION = made_election("canary")
VOTER = roll_of(ELECTION)[11]
CANDIDATE = "cleo"
BALLOT = draft(ELECTION, VOTER, {"mayor": [CANDIDATE]})
# Of the roll, which the count keeps by the hash of the registry, without a choice; and of Kafka's and Postgres's own.
ELSEWHERE = ("count/rolls", "kafka/data/votes_topic", "postgres/data")


@pytest.fixture(scope="module", autouse=True)
def night(settings: Settings, count_now: Count, marts: Callable[[], None]) -> None:
    """The voter's ballot among others that are not for that candidate; cast again, twice wrongly, and once garbled."""
    opened(settings, ELECTION)
    electors = [voter for voter in roll_of(ELECTION) if voter != VOTER and voter.ballot_style_id != "bridge-only"]
    others = [draft(ELECTION, voter, {"mayor": ["ann"]}) for voter in electors]
    wrong = BALLOT.having(precinct_id="south"), BALLOT.having(ballot_id="no ballot id"), BALLOT
    messages = [one.message() for one in (*others[:60], BALLOT, *others[60:], *wrong)]
    garbled = messages[60]._replace(value=b"{" + (messages[60].value or b""))
    appended(settings, "canary", [*messages, garbled])
    figures = count_now("canary")
    assert (figures.counted, figures.rejected + figures.quarantined) == (len(others) + 1, 4)
    marts()


def traces() -> list[bytes]:
    """What names the voter or the ballot."""
    return [VOTER.voter_id.encode(), BALLOT.fields["ballot_id"].encode()]


def with_traces(folder: Path) -> list[Path]:
    """Return the files below that have one of the traces in them."""
    return [path for path in folder.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in traces())]


def test_the_search_finds_what_is_there(settings: Settings) -> None:
    log = list((settings.home / "kafka").rglob(f"{votes_topic_of('canary')}-*/*.log"))
    assert [path for path in log if path in with_traces(settings.home / "kafka")]


def test_no_row_of_the_database_has_the_voter_and_a_choice(settings: Settings) -> None:
    choices = [candidate.candidate_id for contest in ELECTION.contests for candidate in contest.candidates]
    voters, found = [trace.decode() for trace in traces()], {}
    with owner(settings) as connection:
        relations = connection.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        for schema, name in relations:
            rows = connection.execute(f'select one::text from "{schema}"."{name}" one'.encode()).fetchall()
            traced = [row for (row,) in rows if any(voter in row for voter in voters)]
            found[f"{schema}.{name}"] = len(traced)
            assert not [row for row in traced if any(f",{choice}," in f"{row}," for choice in choices)], name
    assert {name for name, count in found.items() if count} == {
        *("registry.voters", "registry.voter_profiles", "ledger.participation")
    }


def test_no_file_of_the_installation_names_the_voter(settings: Settings) -> None:
    found = [str(path.relative_to(settings.home)) for path in with_traces(settings.home)]
    assert [path for path in found if not path.startswith(ELSEWHERE)] == []


@pytest.mark.parametrize("format_", list(Format))
def test_no_export_names_the_voter(settings: Settings, tmp_path: Path, format_: Format) -> None:
    mark(settings.conninfo("registrar"), "canary", Status.UNOFFICIAL_COMPLETE)
    export_election(settings, "canary", [format_], tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    # Parquet is compressed: what it says is held against the CSV by the tests of exports.
    assert any(CANDIDATE.encode() in path.read_bytes().lower() for path in files) or format_ is Format.PARQUET
    assert with_traces(tmp_path) == []


def test_no_topic_but_the_votes_topics_names_the_voter(settings: Settings) -> None:
    consumer = KafkaConsumer(**settings.kafka.client_options(), group_id=None)
    try:
        topics = {one for one in consumer.topics() if not one.startswith(f"{settings.votes_topic}.")}
    finally:
        consumer.close()
    assert {settings.results_topic, settings.elections_topic} <= topics
    for topic in topics:
        with LogReader(settings.kafka, topic) as log:
            for partition, (start, stop) in log.starts_and_ends().items():
                for message in log.messages_from(partition, start, stop):
                    said = (message.key or b"") + (message.value or b"")
                    assert not [one for one in traces() if one in said], topic


def test_nothing_that_is_said_names_the_voter(settings: Settings, environment: dict[str, str]) -> None:
    """Of commands but `election inspect`, which shows a message of the votes topic to whoever may read that."""
    said = []
    for command in ("results canary", "verify canary", "status"):
        done = subprocess.run(
            [sys.executable, "-m", "election_assets", *command.split()],
            env=environment, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        said.append(done.stdout + done.stderr)
    watch = Watch(settings, lambda line: said.append(line.encode()))
    watch.read()
    said += [repr(family).encode() for family in watch.collect()]
    assert CANDIDATE.title().encode() in said[0]
    assert not [text for text in said if any(one in text for one in traces())]
