"""The guard: what must be true of the log and of the database before a run may count.

Each refusal is a PermanentError that says what was found and what mends it.
"""

import json
from collections.abc import Sequence

import psycopg

from election_assets.domain.frozen import FrozenElection
from election_assets.domain.topics import GUARDED_CONFIG
from election_assets.errors import PermanentError
from spark.runs import Position
from spark.topic import LogReader, TopicFacts

CLUSTER_REPLICAS = 3
CLUSTER_MIN_INSYNC = 2

# What Postgres may not have otherwise, or a commit could be lost, or a damaged page be taken for an empty one.
_DATABASE_CONFIG = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "zero_damaged_pages": "off",
    "ignore_checksum_failure": "off",
    "session_replication_role": "origin",
    "transaction_read_only": "off",
}
_TRIGGERS_OFF = """
select tgname, tgrelid::regclass::text from pg_trigger join pg_class c on c.oid = tgrelid
where not tgisinternal and tgenabled in ('D', 'R')
and c.relnamespace in ('registry'::regnamespace, 'ledger'::regnamespace)
order by 1 limit 1
"""
_ROLE = """
select current_user, rolsuper, has_table_privilege('ledger.positions', 'update')
from pg_roles where rolname = current_user
"""


def check_database(connection: psycopg.Connection) -> None:
    """Refuse a database that may lose what it committed, or a role that its grants and triggers do not bind."""
    role, is_superuser, writes = connection.execute(_ROLE).fetchone() or ("", False, False)
    if is_superuser or not writes:
        why = "is a superuser, whom neither grants nor triggers bind" if is_superuser else "may not write the ledger"
        raise PermanentError(
            f"The count connects to Postgres as {role!r}, who {why}: it counts as 'counter', to whom `election up` "
            "and docs/operations.md give what is needed and no more."
        )
    for name, wanted in _DATABASE_CONFIG.items():
        (found,) = connection.execute("select current_setting(%s)", (name,)).fetchone() or ("",)
        if found != wanted:
            raise PermanentError(
                f"Postgres has {name}={found} for {role!r}, the count relies on {wanted}: look for it in "
                f"postgresql.conf, `alter system` and `alter role`, and set it back. A standby cannot be counted into."
            )
    off = connection.execute(_TRIGGERS_OFF).fetchone()
    if off:
        raise PermanentError(
            f"Trigger {off[0]!r} of {off[1]} is switched off, so that what is frozen could be changed: "
            f"`alter table {off[1]} enable trigger {off[0]}` sets it back."
        )


def check_topic(facts: TopicFacts | None, topic: str, topic_id: str, election: FrozenElection) -> None:
    """Refuse a topic that is missing, made anew, too small, or not configured as a record."""
    if facts is None:
        raise PermanentError(
            f"Kafka has no topic {topic!r}, but the election was opened with it: its ballots are gone "
            "or this is another cluster. Point ELECTION_KAFKA_BOOTSTRAP_SERVERS at the right one."
        )
    if facts.topic_id != topic_id:
        raise PermanentError(
            f"Topic {topic!r} has id {facts.topic_id}, the election was opened with {topic_id}: the topic was "
            "deleted and made anew. Register the election under a new id."
        )
    if facts.partition_count < election.partition_count:
        raise PermanentError(
            f"Topic {topic!r} has {facts.partition_count} partitions, the election was opened with "
            f"{election.partition_count}."
        )
    for name, wanted in GUARDED_CONFIG.items():
        if facts.config[name] != wanted:
            raise PermanentError(
                f"Topic {topic!r} has {name}={facts.config[name]}, the count relies on {wanted}: "
                f"`kafka-configs --alter --topic {topic} --add-config {name}={wanted}` sets it."
            )
    _check_replication(facts)


def check_log(log: LogReader, positions: Sequence[Position], topic: str) -> None:
    """Refuse a log that does not start at 0, ends before the ledger's position, or was cut and grown again."""
    ends = log.starts_and_ends()
    for partition, (start, _) in ends.items():
        if start:
            raise PermanentError(
                f"Partition {partition} of {topic!r} starts at offset {start}, not 0: messages were deleted. "
                "Restore the topic from its archive."
            )
    for position in positions:
        _, end = ends.get(position.partition, (0, 0))
        if end < position.next_offset:
            raise PermanentError(
                f"Partition {position.partition} of {topic!r} ends at offset {end}, but the ledger has judged up to "
                f"{position.next_offset}: the log was cut. Restore it, or `election reset` to judge what is left."
            )
        if position.last_offset is not None:
            _check_last_message(log, position, topic)


def check_freeze(event: bytes | None, election: FrozenElection, topic_id: str) -> None:
    """Refuse a database other than the one that was opened: compare with what `elections_topic` says."""
    if event is None:
        raise PermanentError(
            f"elections_topic knows no opening of {election.election_id!r}: `election open "
            f"{election.election_id}` publishes it."
        )
    published = json.loads(event)
    ours = {
        "registry_hash": election.registry_hash,
        "topic_id": topic_id,
        "partition_count": election.partition_count,
    }
    found = {name: published.get(name) for name in ours}
    if found != ours:
        raise PermanentError(
            f"elections_topic says that {election.election_id!r} was opened with {found}, the registry says "
            f"{ours}: this database is not the one it was opened in. Restore the right one."
        )


def _check_last_message(log: LogReader, position: Position, topic: str) -> None:
    assert position.last_offset is not None
    message = log.message_at(position.partition, position.last_offset)
    found = None if message is None else message.timestamp
    if found != position.last_append_time_ms:
        raise PermanentError(
            f"Partition {position.partition} of {topic!r} has at offset {position.last_offset} a message appended at "
            f"{found} ms, the ledger judged one of {position.last_append_time_ms} ms there: the log was cut and has "
            "grown again. Restore it, or `election reset` to judge what is there now."
        )


def _check_replication(facts: TopicFacts) -> None:
    # Brokers that are away are not counted, so a cluster is also known by replicas that are not there.
    if facts.broker_count == 1 and facts.replicas == 1:
        return
    in_sync = int(facts.config["min.insync.replicas"])
    if facts.replicas < CLUSTER_REPLICAS or in_sync < CLUSTER_MIN_INSYNC:
        raise PermanentError(
            f"Topic {facts.topic!r} has {facts.replicas} replicas and min.insync.replicas={in_sync} on "
            f"{facts.broker_count} brokers; an acknowledged ballot is safe with {CLUSTER_REPLICAS} and "
            f"{CLUSTER_MIN_INSYNC}."
        )
