"""Restoring: an archived election put back into an installation that does not have it.

The log first, in a topic that takes the archived append times, since verdicts hang on them; until it has all messages
and the guarded configuration no count would read it. The rows follow in one transaction, with the freeze published as
the last step before its commit. So an interrupted restore is no election, and the next one goes on from what is there.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import psycopg

from election_assets.archives.log import messages_in, name_of, read_partition
from election_assets.archives.manifest import Manifest, checked_manifest
from election_assets.archives.tables import ELECTIONS, TABLES, freeze, insert_draft, insert_rows
from election_assets.domain.topics import GUARDED_CONFIG, votes_topic_of
from election_assets.errors import PermanentError
from election_assets.kafka_cluster import KafkaCluster
from election_assets.opening import Opened, publish_freeze
from election_assets.resources.vote_log import Record, configure_topic, create_topic, send_records
from election_assets.settings import Settings
from spark.guard import check_log, check_topic
from spark.registry import read_frozen, registry_hash
from spark.runs import positions
from spark.topic import LogReader, TopicFacts, latest_value, topic_facts

Report = Callable[[int, int], None]

# While a topic is filled it takes the time that each message has, and what was packed when it was sent.
# A broker takes requests of 100 MiB; 64 KiB of gzip unpack to no more than 64 MiB.
_REQUEST_BYTES = 96 << 20
_FILLING = {"message.timestamp.type": "CreateTime", "max.message.bytes": str(_REQUEST_BYTES)}


@dataclass(frozen=True, slots=True)
class Restored:
    """An election that is back: what its archive held, and the topic that holds its log now."""

    manifest: Manifest
    opened: Opened


def restore_election(settings: Settings, place: Path, report: Report = lambda _done, _total: None) -> Restored:
    """Put the election of an archive back: topic, registry, ledger and freeze.

    `report` is told how many messages are in the topic, and of how many. Raises PermanentError for an archive that is
    not whole, for an election that this installation has, and for a topic with other messages than the archive;
    TransientError where an engine is away: restoring again goes on from there.
    """
    manifest = checked_manifest(place)
    _refuse_unknown_files(place, manifest)
    topic = votes_topic_of(manifest.election_id, settings.votes_topic)
    with psycopg.connect(settings.conninfo("owner")) as connection:
        # One restore at a time: two would both fill the topic.
        connection.execute("select pg_advisory_xact_lock(hashtext('election restore'))")
        _refuse_known(connection, manifest)
        facts = _filled_topic(settings, topic, manifest, place, report)
        return Restored(manifest, _inserted(connection, settings, manifest, place, facts))


def _refuse_unknown_files(place: Path, manifest: Manifest) -> None:
    known = {table.file for table in TABLES} | {name_of(one.partition) for one in manifest.partitions}
    if others := sorted({file.name for file in manifest.files} - known):
        raise PermanentError(
            f"{place} holds {others[0]}, which this version does not know: restore it with version {manifest.version}, "
            "which wrote it, or a later one."
        )


def _refuse_known(connection: psycopg.Connection, manifest: Manifest) -> None:
    row = connection.execute(
        "select opened_at is not null from registry.elections where election_id = %s", (manifest.election_id,)
    ).fetchone()
    if row is not None:
        state = "open" if row[0] else "a draft"
        raise PermanentError(
            f"{manifest.election_id!r} is {state} in this installation, and nothing of it was changed: restore it into "
            "an empty one, as with another ELECTION_HOME."
        )


def _filled_topic(settings: Settings, topic: str, manifest: Manifest, place: Path, report: Report) -> TopicFacts:
    """Make the votes topic with all messages of the archive, or complete the one that an interrupted restore left."""
    kafka = settings.kafka
    _refuse_other_opening(settings, topic, manifest)
    create_topic(kafka, topic, manifest.partition_count, {**GUARDED_CONFIG, **_FILLING})
    facts = topic_facts(kafka, topic)
    assert facts is not None
    is_being_filled = facts.config["message.timestamp.type"] == _FILLING["message.timestamp.type"]
    present, surplus = _present(kafka, topic, manifest)
    missing = manifest.message_count - sum(present.values())
    if facts.partition_count != manifest.partition_count or (surplus if is_being_filled else missing):
        raise PermanentError(
            f"Topic {topic!r} is there already, with {facts.partition_count} partitions and "
            f"{sum(present.values()) + surplus:,} messages, and it is none that a restore of this archive left: delete "
            "it, or restore into another installation."
        )
    _refuse_other_messages(kafka, topic, present, place)
    if missing:
        records = _records(place, present)
        told = "{:,} messages were put back. Restoring again goes on from there."
        total = manifest.message_count

        def report_sent(sent: int) -> None:
            report(total - missing + sent, total)

        send_records(kafka, topic, records, told, report_sent, request_bytes=_REQUEST_BYTES)
    if is_being_filled:
        configure_topic(kafka, topic, {name: GUARDED_CONFIG[name] for name in _FILLING})
    return topic_facts(kafka, topic) or facts


def _refuse_other_opening(settings: Settings, topic: str, manifest: Manifest) -> None:
    """Refuse a Kafka where the id was opened with something else than the topic that is there."""
    kafka = settings.kafka
    published = latest_value(kafka, settings.elections_topic, manifest.election_id.encode())
    if published is None:
        return
    facts = topic_facts(kafka, topic)
    opened = json.loads(published)
    if facts is None or (opened["topic_id"], opened["registry_hash"]) != (facts.topic_id, manifest.registry_hash):
        raise PermanentError(
            f"elections_topic says that {manifest.election_id!r} was opened on this Kafka before, with another topic "
            "or other contents: restore it into another installation."
        )


def _present(kafka: KafkaCluster, topic: str, manifest: Manifest) -> tuple[dict[int, int], int]:
    """Return how many messages of each partition the topic has, and how many more than the archive."""
    with LogReader(kafka, topic) as log:
        ends = {partition: end for partition, (_, end) in log.starts_and_ends().items()}
    present = {one.partition: min(ends.get(one.partition, 0), one.end_offset) for one in manifest.partitions}
    return present, sum(ends.values()) - sum(present.values())


def _refuse_other_messages(kafka: KafkaCluster, topic: str, present: dict[int, int], place: Path) -> None:
    """Compare the messages that a topic has with those of the archive."""
    with LogReader(kafka, topic) as log:
        for partition, end in present.items():
            archived = islice(read_partition(place / name_of(partition)), end)
            for found, wanted in zip_longest(messages_in(log, partition, end), archived):
                if found != wanted:
                    raise PermanentError(
                        f"Topic {topic!r} has at {partition}:{wanted.offset} another message than the archive: delete "
                        "it, or restore into another installation."
                    )


def _records(place: Path, present: dict[int, int]) -> Iterator[Record]:
    """Yield what the topic does not have yet."""
    for partition, start in present.items():
        for message in islice(read_partition(place / name_of(partition)), start, None):
            yield Record(message.key, message.value, partition, message.append_time_ms)


def _inserted(
    connection: psycopg.Connection, settings: Settings, manifest: Manifest, place: Path, facts: TopicFacts
) -> Opened:
    """Insert the rows, see that they are what was frozen and that the guard lets the log pass, publish the freeze."""
    election_id = manifest.election_id
    try:
        number, row = insert_draft(connection, place / ELECTIONS.file)
        files = {file.name for file in manifest.files}
        for table in TABLES:
            if table != ELECTIONS and table.file in files:
                insert_rows(connection, table, number, place / table.file)
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
        raise PermanentError(
            f"This database is older than the archive ({error.diag.message_primary}): bring it up to date with "
            f"version {manifest.version} or a later one, whose `election up` does so, and restore again."
        ) from error
    found = registry_hash(connection, election_id)
    if found != manifest.registry_hash:
        raise PermanentError(
            f"The registry rows in {place} are not what was frozen: their hash is {found[:16]}…, the election was "
            f"opened with {manifest.registry_hash[:16]}…. Use another copy of the archive."
        )
    freeze(connection, number, row, facts.topic_id)
    election = read_frozen(connection, election_id)
    check_topic(facts, facts.topic, facts.topic_id, election)
    with LogReader(settings.kafka, facts.topic) as log:
        check_log(log, positions(connection, number), facts.topic)
    opened = Opened(election_id, True, found, facts.topic, facts.topic_id, election.partition_count, row["folder_hash"])
    publish_freeze(settings, opened)
    return opened
