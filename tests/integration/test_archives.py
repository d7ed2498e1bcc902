"""Claims about archives: what is archived is all of a finished election, and what is restored is the same election."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer
from pyarrow import parquet
from pyspark.sql import SparkSession

from election_assets.archives import archiving, restoring
from election_assets.archives.archiving import archive_election
from election_assets.archives.restoring import restore_election
from election_assets.archives.tables import TABLES
from election_assets.corrections import Adjustment, Status, adjust, mark
from election_assets.counting import reset_election
from election_assets.domain.election import Method
from election_assets.domain.topics import GUARDED_CONFIG, votes_topic_of
from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.registry import register
from election_assets.resources.vote_log import Record, configure_topic, create_topic, send_records
from election_assets.schema import FOLDER
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.topic import LogReader, topic_facts
from tests.support.ballots import Message, draft
from tests.support.elections import made_election, roll_of
from tests.support.installations import (
    counted_there,
    empty_database,
    empty_installation,
    environment_of,
    knows,
    numberless,
    with_other_topics,
)
from tests.support.ledger import ledger_of, owner, positions_of, uncounted_of
from tests.support.log import appended, appended_in_transaction, opened
from tests.support.mixture import mixture

pytestmark = pytest.mark.slow

Count = Callable[..., CountFigures]

CLOSING = made_election("closing-time")
MARKED = made_election("marked", voters_each=8)


def append_packed(settings: Settings, election_id: str, value: bytes) -> None:
    """Append a message that is larger than the topic takes, packed into a batch that is not."""
    producer = Producer(
        {"bootstrap.servers": str(settings.kafka), "compression.type": "gzip", "message.max.bytes": 9_000_000}
    )
    producer.produce(votes_topic_of(election_id), value, b"packed", 1)
    producer.flush(30)


def refusal(action: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(PermanentError) as refused:
        action(*arguments)
    return str(refused.value)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@pytest.fixture(scope="module")
def closed(settings: Settings, count_now: Count, archives: Path) -> Path:
    """The archive of an election with hours, of which every kind of message was cast, some after the close."""
    closes_at = datetime.now(UTC) + timedelta(seconds=10)
    opened(settings, replace(CLOSING, opens_at=closes_at - timedelta(hours=1), closes_at=closes_at))
    casts = mixture(CLOSING, seed=21)
    half = len(casts) // 2
    appended(settings, "closing-time", [cast.message for cast in casts[:half]])
    append_packed(settings, "closing-time", b" " * 2_000_000)
    count_now("closing-time")
    time.sleep(max(0.0, (closes_at - datetime.now(UTC)).total_seconds()) + 0.1)
    appended(settings, "closing-time", [*(cast.message for cast in casts[half:]), Message(0, None, None)])
    assert "messages of 'closing-time' wait to be judged: `election count closing-time --until-idle`" in refusal(
        archive_election, settings, "closing-time", archives / "unjudged"
    )
    count_now("closing-time")
    archive_election(settings, "closing-time", archives / "closed")
    return archives / "closed"


@pytest.fixture(scope="module")
def marked(settings: Settings, count_now: Count, archives: Path) -> Path:
    """The archive of a small election without hours, which its office has certified and corrected."""
    opened(settings, MARKED)
    voters = roll_of(MARKED)
    chosen = [{"bridge": ["yes"]} if voter.ballot_style_id == "bridge-only" else {} for voter in voters]
    appended(settings, "marked", [draft(MARKED, *one).message() for one in zip(voters, chosen, strict=True)])
    count_now("marked")
    said = refusal(archive_election, settings, "marked", archives / "unmarked")
    assert "has no polling hours" in said
    assert "`election mark marked certified`" in said
    mark(settings.conninfo("registrar"), "marked", Status.CERTIFIED)
    tape = Adjustment("tape-1", "bridge", "yes", "south", Method.ELECTION_DAY, -1, "Counted twice.", "Board")
    adjust(settings.conninfo("registrar"), "marked", tape)
    archive_election(settings, "marked", archives / "marked")
    return archives / "marked"


@pytest.fixture
def elsewhere(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """An installation that knows no election."""
    digest = hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    return empty_installation(settings, f"elsewhere-{digest}")


def copied(archive: Path, to: Path) -> Path:
    return Path(shutil.copytree(archive, to / "copy"))


def rewrite(archive: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change the manifest, and make it fit all files that it lists."""
    path = archive / "manifest.json"
    fields = json.loads(path.read_text())
    for file in fields["files"]:
        file["sha256"] = hashlib.sha256((archive / file["name"]).read_bytes()).hexdigest()
    change(fields)
    path.write_text(json.dumps(fields))


def rows_of(settings: Settings, election_id: str) -> dict[str, set[tuple[object, ...]]]:
    """Return all rows of an election in registry, ledger and audit, but for its number and its topic's id."""
    found = {}
    with owner(settings) as connection:
        for table in TABLES:
            rows = connection.execute(
                f"select to_jsonb(r) - array['election_number', 'verification_number', 'topic_id'] from {table.schema}."
                f"{table.name} r where to_jsonb(r) ->> 'election_id' = %(id)s or to_jsonb(r) ->> 'election_number' ="
                " (select election_number::text from registry.elections where election_id = %(id)s)".encode(),
                {"id": election_id},
            )
            found[table.file] = {(json.dumps(row[0], sort_keys=True),) for row in rows}
    return found


def messages_of(settings: Settings, election_id: str) -> Iterator[tuple[object, ...]]:
    with LogReader(settings.kafka, votes_topic_of(election_id, settings.votes_topic)) as log:
        for partition, (_, end) in log.starts_and_ends().items():
            for one in log.messages_from(partition, 0, end):
                yield partition, one.offset, one.timestamp, one.key, one.value


def test_every_table_that_has_elections_rows_is_archived(settings: Settings) -> None:
    with owner(settings) as connection:
        rows = connection.execute(
            "select distinct table_schema || '/' || table_name || '.parquet' from information_schema.columns"
            " join information_schema.tables using (table_schema, table_name)"
            " where column_name in ('election_id', 'election_number') and table_type = 'BASE TABLE'"
            " and table_schema in ('registry', 'ledger', 'audit')"
        ).fetchall()
    assert {name for (name,) in rows} == {table.file for table in TABLES}


def test_an_archive_holds_every_offset_and_says_how_many(settings: Settings, closed: Path) -> None:
    manifest = json.loads((closed / "manifest.json").read_text())
    ends = {one["partition"]: one["end_offset"] for one in manifest["partitions"]}
    with LogReader(settings.kafka, votes_topic_of("closing-time")) as log:
        assert {partition: (0, end) for partition, end in ends.items()} == log.starts_and_ends()
    rows = {one["name"]: one["rows"] for one in manifest["files"]}
    assert [rows[f"log/partition-{one:04}.parquet"] for one in ends] == list(ends.values())
    assert all(parquet.read_metadata(closed / name).num_rows == count for name, count in rows.items())
    assert (manifest["election_id"], manifest["partition_count"], manifest["format"]) == ("closing-time", 3, 1)


def test_an_election_whose_polls_are_open_is_not_archived(settings: Settings, archives: Path) -> None:
    now = datetime.now(UTC)
    election = made_election("polls-open", voters_each=2)
    opened(settings, replace(election, opens_at=now - timedelta(hours=1), closes_at=now + timedelta(hours=1)))
    assert f"The polls of 'polls-open' close at {now + timedelta(hours=1):%Y-%m-%d %H:%M:%S} UTC" in refusal(
        archive_election, settings, "polls-open", archives / "early"
    )


def test_a_restored_election_is_the_same_in_every_row_and_message(
    settings: Settings, closed: Path, elsewhere: Settings
) -> None:
    restore_election(elsewhere, closed)
    assert rows_of(elsewhere, "closing-time") == rows_of(settings, "closing-time")
    assert list(messages_of(elsewhere, "closing-time")) == list(messages_of(settings, "closing-time"))
    facts = topic_facts(elsewhere.kafka, votes_topic_of("closing-time", elsewhere.votes_topic))
    assert facts is not None
    assert {name: facts.config[name] for name in GUARDED_CONFIG} == GUARDED_CONFIG


def test_a_restored_election_is_counted_no_further_and_judged_anew_to_the_same_ledger(
    settings: Settings, closed: Path, elsewhere: Settings, spark_session: SparkSession
) -> None:
    before = numberless(settings, "closing-time")
    restore_election(elsewhere, closed)
    assert counted_there(spark_session, elsewhere, "closing-time").messages == 0
    assert numberless(elsewhere, "closing-time") == before
    assert Reason.AFTER_CLOSE in uncounted_of(elsewhere, "closing-time").values()
    reset_election(elsewhere, "closing-time")
    counted_there(spark_session, elsewhere, "closing-time")
    assert numberless(elsewhere, "closing-time") == before


def test_a_ballot_cast_into_a_restored_election_comes_after_the_close(
    closed: Path, elsewhere: Settings, spark_session: SparkSession
) -> None:
    restore_election(elsewhere, closed)
    (place,) = appended(elsewhere, "closing-time", [draft(CLOSING, roll_of(CLOSING)[0], attempt=9).message()])
    assert counted_there(spark_session, elsewhere, "closing-time").messages == 1
    assert uncounted_of(elsewhere, "closing-time")[place] == Reason.AFTER_CLOSE


def test_a_restored_election_keeps_its_status_and_its_corrections_and_can_be_archived_again(
    settings: Settings, marked: Path, elsewhere: Settings, archives: Path
) -> None:
    restore_election(elsewhere, marked)
    assert rows_of(elsewhere, "marked") == rows_of(settings, "marked")
    archive_election(elsewhere, "marked", archives / "again")
    first, second = (json.loads((one / "manifest.json").read_text()) for one in (marked, archives / "again"))
    assert first["registry_hash"] == second["registry_hash"]
    assert first["partitions"] == second["partitions"]
    assert [one["rows"] for one in first["files"]] == [one["rows"] for one in second["files"]]


def test_an_election_that_is_there_is_not_restored_over(settings: Settings, marked: Path, elsewhere: Settings) -> None:
    before = rows_of(settings, "marked")
    assert "'marked' is open in this installation, and nothing of it was changed" in refusal(
        restore_election, settings, marked
    )
    assert rows_of(settings, "marked") == before
    register(elsewhere.conninfo("registrar"), MARKED)
    assert "'marked' is a draft in this installation" in refusal(restore_election, elsewhere, marked)


@pytest.mark.parametrize(
    ("change", "undoing", "cell"),
    [
        (
            "update ledger.tallies set vote_count = vote_count + 1 where {} and partition = 1",
            "update ledger.tallies set vote_count = vote_count - 1 where {} and partition = 1",
            "partition 1, tallies bridge/yes/south/election_day: 2 expected, 3 found",
        ),
        (
            "update ledger.participation set voter_number = 1000 where {} and voter_number = 7",
            "update ledger.participation set voter_number = 7 where {} and voter_number = 1000",
            "ballot of voter number 7: ",
        ),
    ],
    ids=["a vote", "a voter"],
)
def test_a_ledger_that_is_not_what_the_log_comes_to_is_not_archived(
    settings: Settings, marked: Path, archives: Path, change: str, undoing: str, cell: str
) -> None:
    ours = "election_number = (select election_number from registry.elections where election_id = 'marked')"
    with owner(settings) as connection:
        assert connection.execute(change.format(ours).encode()).rowcount == 1
        try:
            said = refusal(archive_election, settings, "marked", archives / "wrong")
        finally:
            connection.execute(undoing.format(ours).encode())
    assert cell in said
    assert "`election reset marked`" in said
    assert not list(archives.glob("*wrong*"))


@pytest.mark.parametrize("messages", [0, 1], ids=["at the end", "in the middle"])
def test_a_log_with_holes_is_not_archived(settings: Settings, count_now: Count, archives: Path, messages: int) -> None:
    election = made_election(f"holes-{messages}", voters_each=5, partition_count=1)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended_in_transaction(settings, election.election_id, ballots[:2], committed=True)
    appended(settings, election.election_id, ballots[2 : 2 + messages])
    count_now(election.election_id)
    mark(settings.conninfo("registrar"), election.election_id, Status.CERTIFIED)
    assert "The log has no message at 0:2, as after a producer's transaction" in refusal(
        archive_election, settings, election.election_id, archives / election.election_id
    )
    assert not list(archives.glob("*holes*"))


def test_an_interrupted_archive_leaves_nothing_and_can_be_written_again(
    settings: Settings, marked: Path, archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interruption(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    place = archives / "interrupted"
    for step in ("write_rows", "PartitionRecount", "Manifest"):
        with monkeypatch.context() as patched:
            patched.setattr(archiving, step, interruption)
            with pytest.raises(KeyboardInterrupt):
                archive_election(settings, "marked", place)
        assert not list(archives.glob("*interrupted*"))
    reports: list[tuple[int, int]] = []
    monkeypatch.setattr(archiving, "_REPORT_EVERY", 10)
    archive_election(settings, "marked", place, lambda *done: reports.append(done))
    assert reports[-1] == (80, 80)
    assert "is there already" in refusal(archive_election, settings, "marked", place)


def test_a_restore_interrupted_at_any_step_is_no_election_and_is_completed_by_the_next(
    settings: Settings, marked: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interruption(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def half_of_them(place: Path, present: dict[int, int]) -> Iterator[Record]:
        yield from list(records(place, present))[:20]
        raise KeyboardInterrupt

    records = restoring._records
    steps = {
        "create_topic": interruption,
        "send_records": interruption,
        "_records": half_of_them,
        "configure_topic": interruption,
        "insert_draft": interruption,
        "freeze": interruption,
        "publish_freeze": interruption,
        "Restored": interruption,
    }
    for step, interrupting in steps.items():
        with monkeypatch.context() as patched:
            patched.setattr(restoring, step, interrupting)
            with pytest.raises(KeyboardInterrupt):
                restore_election(elsewhere, marked)
        assert not knows(elsewhere, "marked"), step
    restore_election(elsewhere, marked)
    assert rows_of(elsewhere, "marked") == rows_of(settings, "marked")
    assert list(messages_of(elsewhere, "marked")) == list(messages_of(settings, "marked"))


def test_where_the_topic_is_left_a_lost_database_is_restored_and_counts_on(
    settings: Settings, count_now: Count, archives: Path, spark_session: SparkSession
) -> None:
    election = made_election("database-lost", voters_each=4)
    opened(settings, election)
    ballots = [draft(election, voter).message() for voter in roll_of(election)]
    appended(settings, "database-lost", ballots[:15])
    count_now("database-lost")
    mark(settings.conninfo("registrar"), "database-lost", Status.CERTIFIED)
    archive_election(settings, "database-lost", archives / "database-lost")
    appended(settings, "database-lost", ballots[15:])
    there = replace(
        empty_installation(settings, "database-new"),
        votes_topic=settings.votes_topic,
        elections_topic=settings.elections_topic,
    )
    restore_election(there, archives / "database-lost")
    assert positions_of(there, "database-lost")["counted"] == 15
    counted_there(spark_session, there, "database-lost")
    count_now("database-lost")
    assert numberless(there, "database-lost") == numberless(settings, "database-lost")


def test_a_topic_with_something_else_in_it_is_refused(marked: Path, elsewhere: Settings) -> None:
    servers, topic = elsewhere.kafka, votes_topic_of("marked", elsewhere.votes_topic)
    create_topic(servers, topic, 3, GUARDED_CONFIG)
    assert "with 3 partitions and 0 messages, and it is none that a restore of this archive left" in refusal(
        restore_election, elsewhere, marked
    )
    configure_topic(servers, topic, {"message.timestamp.type": "CreateTime"})
    send_records(servers, topic, [Record(b"key", b"value", 1, 1_793_700_000_000)], "{}")
    assert f"Topic {topic!r} has at 1:0 another message than the archive" in refusal(
        restore_election, elsewhere, marked
    )
    send_records(servers, topic, [Record(b"key", b"value", 1)] * 100, "{}")
    assert "it is none that a restore of this archive left" in refusal(restore_election, elsewhere, marked)
    assert not knows(elsewhere, "marked")


def test_a_topic_with_another_number_of_partitions_is_refused(marked: Path, elsewhere: Settings) -> None:
    topic = votes_topic_of("marked", elsewhere.votes_topic)
    create_topic(elsewhere.kafka, topic, 2, {"message.timestamp.type": "CreateTime"})
    assert "with 2 partitions" in refusal(restore_election, elsewhere, marked)


def test_an_id_that_kafka_knows_of_another_opening_is_refused(
    settings: Settings, marked: Path, elsewhere: Settings
) -> None:
    there = replace(elsewhere, elections_topic=settings.elections_topic)
    assert "elections_topic says that 'marked' was opened on this Kafka before" in refusal(
        restore_election, there, marked
    )
    assert topic_facts(there.kafka, votes_topic_of("marked", there.votes_topic)) is None


def test_rows_that_are_not_what_was_frozen_are_refused(marked: Path, elsewhere: Settings, tmp_path: Path) -> None:
    archive = copied(marked, tmp_path)
    file = archive / "registry/candidates.parquet"
    rows = parquet.read_table(file)
    names = rows["candidate_name"].to_pylist()
    changed = rows.set_column(rows.schema.get_field_index("candidate_name"), "candidate_name", [["Nobody", *names[1:]]])
    parquet.write_table(changed, file)
    rewrite(archive, lambda _: None)
    assert "are not what was frozen: their hash is" in refusal(restore_election, elsewhere, archive)
    assert not knows(elsewhere, "marked")


def test_an_archive_with_a_table_that_this_version_does_not_know_is_refused(
    marked: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    archive = copied(marked, tmp_path)
    (archive / "registry/precincts_on_mars.parquet").write_bytes(b"")
    more = {"name": "registry/precincts_on_mars.parquet", "rows": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    rewrite(archive, lambda fields: fields["files"].append(more))  # type: ignore[attr-defined]
    assert "holds registry/precincts_on_mars.parquet, which this version does not know" in refusal(
        restore_election, elsewhere, archive
    )


def test_a_database_older_than_the_archive_is_refused(settings: Settings, marked: Path) -> None:
    old = with_other_topics(empty_database(settings, "older"), "older")
    with psycopg.connect(old.conninfo("owner")) as connection:
        for file in sorted(FOLDER.glob("00[1-5]*.sql")):
            connection.execute(file.read_text().encode())
    said = refusal(restore_election, old, marked)
    assert "This database is older than the archive" in said
    assert "`election up`" in said


def test_the_commands_bring_an_election_with_its_results_to_another_installation(
    marts: Callable[[], None], marked: Path, elsewhere: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    def election(*arguments: str, there: bool = False) -> subprocess.CompletedProcess[str]:
        environ = {**environment, **environment_of(elsewhere)} if there else environment
        command = [sys.executable, "-m", "election_assets", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    folder = tmp_path / "marked.archive"
    done = election("archive", "marked", str(folder))
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert done.stdout == f"{digest}  {folder}/manifest.json\n"
    assert "come to the ledger in every cell: 40 ballots counted." in " ".join(done.stderr.split())
    done = election("restore", str(folder), there=True)
    assert done.returncode == 0, done.stderr
    assert "40 voters and 9 candidates published." in done.stderr
    assert "All messages of marked are judged." in election("count", "marked", "--until-idle", there=True).stderr
    marts()
    results = [election("results", "marked", "--format", "csv", there=there).stdout for there in (True, False)]
    assert results[0] == results[1]
    assert ",yes," in results[0]
    done = election("restore", str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert "'marked' is open in this installation" in done.stderr


def test_restoring_changes_nothing_where_it_came_from(settings: Settings, marked: Path, elsewhere: Settings) -> None:
    before = ledger_of(settings, "marked")
    restore_election(elsewhere, marked)
    assert ledger_of(settings, "marked") == before
