"""Opening: a draft is frozen, hashed, given its votes topic, and the freeze is published.

Can be run again after any interruption: each step finds what an earlier one left.
"""

import json
from dataclasses import dataclass

import psycopg

from election_assets.domain.topics import COMPACT_CONFIG, GUARDED_CONFIG, votes_topic_of
from election_assets.errors import PermanentError
from election_assets.resources.vote_log import create_topic, publish
from election_assets.settings import Settings
from spark.registry import registry_hash
from spark.topic import LogReader, latest_value, topic_facts


@dataclass(frozen=True, slots=True)
class Opened:
    """What an election was opened with; `is_new` is False where it was open already."""

    election_id: str
    is_new: bool
    registry_hash: str
    topic: str
    topic_id: str
    partition_count: int
    folder_hash: str


def open_election(settings: Settings, election_id: str) -> Opened:
    """Freeze an election and make its votes topic.

    Raises PermanentError for an unknown election, for a roll that is not of the announced size,
    for a topic that is not fresh, and for a database restored from before an earlier opening.
    """
    topic = votes_topic_of(election_id, settings.votes_topic)
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        row = connection.execute(
            "select election_number, partition_count, registry_hash, topic_id, folder_hash from registry.elections"
            " where election_id = %s for update",
            (election_id,),
        ).fetchone()
        if row is None:
            raise PermanentError(
                f"The registry has no election {election_id!r}: `election register {election_id}` comes first."
            )
        election_number, partition_count, frozen_hash, topic_id, folder_hash = row
        is_new = frozen_hash is None
        if is_new:
            _number_voters(connection, election_id, election_number)
            connection.execute("select registry.size_voter_groups(%s)", (election_id,))
            connection.execute("analyze registry.voter_group_sizes")
            frozen_hash = registry_hash(connection, election_id)
            topic_id = _fresh_topic(settings, topic, election_id, partition_count, frozen_hash)
            connection.execute(
                "update registry.elections set opened_at = now(), registry_hash = %s, topic_id = %s"
                " where election_number = %s",
                (frozen_hash, topic_id, election_number),
            )
    opened = Opened(election_id, is_new, frozen_hash, topic, topic_id, partition_count, folder_hash)
    publish_freeze(settings, opened)
    return opened


def _number_voters(connection: psycopg.Connection, election_id: str, election_number: int) -> None:
    """Give each voter the rank of its id in byte order, and refuse a roll of another size than announced."""
    ranked = (
        "select voter_id, voter_number, (row_number() over (order by voter_id))::integer - 1 as voter_rank"
        " from registry.voters where election_number = %s"
    )
    row = connection.execute(
        f"select exists (select 1 from ({ranked}) ranked where voter_number is distinct from voter_rank)",  # noqa: S608
        (election_number,),
    ).fetchone()
    if row and row[0]:
        connection.execute("analyze registry.voters")
        connection.execute(
            f"update registry.voters v set voter_number = ranked.voter_rank from ({ranked}) ranked"  # noqa: S608
            " where v.election_number = %s and v.voter_id = ranked.voter_id",
            (election_number, election_number),
        )
    wrong = connection.execute(
        "select u.reporting_unit_id, s.ballot_style_id, coalesce(p.voter_count, 0), coalesce(v.voters, 0)"
        " from (select * from registry.precinct_ballot_styles where election_id = %s) p"
        " join registry.reporting_units u on u.election_id = p.election_id and u.reporting_unit_id = p.precinct_id"
        " join registry.ballot_styles s on s.election_id = p.election_id and s.ballot_style_id = p.ballot_style_id"
        " full join (select precinct_number, ballot_style_number, count(*) as voters from registry.voters"
        "  where election_number = %s group by 1, 2) v"
        " on v.precinct_number = u.reporting_unit_number and v.ballot_style_number = s.ballot_style_number"
        " where coalesce(p.voter_count, 0) <> coalesce(v.voters, 0) limit 1",
        (election_id, election_number),
    ).fetchone()
    if wrong:
        precinct, style, announced, found = wrong
        raise PermanentError(
            f"Precinct {precinct!r} with ballot style {style!r} has {found} voters on the roll, but ballot_styles.csv "
            f"says {announced}: register the election again, or load the missing voters."
        )


def _fresh_topic(settings: Settings, topic: str, election_id: str, partition_count: int, frozen_hash: str) -> str:
    """Make the votes topic, or take the one that an interrupted opening left; return its id."""
    published = latest_value(settings.kafka, settings.elections_topic, election_id.encode())
    create_topic(settings.kafka, topic, partition_count, GUARDED_CONFIG)
    facts = topic_facts(settings.kafka, topic)
    if facts is None:
        raise PermanentError(f"Topic {topic!r} was made and is gone again; look into the broker's log.")
    if published:
        earlier = json.loads(published)
        if (earlier["registry_hash"], earlier["topic_id"]) != (frozen_hash, facts.topic_id):
            raise PermanentError(
                f"elections_topic says that {election_id!r} was opened before, with other contents: this database is "
                "older than that opening, or the id is used twice. Restore the right database, or use another id."
            )
        return facts.topic_id
    with LogReader(settings.kafka, topic) as log:
        messages = sum(stop for _, stop in log.starts_and_ends().values())
    if messages or facts.partition_count != partition_count:
        raise PermanentError(
            f"Topic {topic!r} is there already, with {facts.partition_count} partitions and {messages} messages: "
            f"ballots cast before the freeze cannot count. Delete it, or use another election id."
        )
    return facts.topic_id


def publish_freeze(settings: Settings, opened: Opened) -> None:
    """Say in `elections_topic` what was frozen, unless it says so; make the results topic ready too."""
    kafka = settings.kafka
    for topic in (settings.elections_topic, settings.results_topic):
        create_topic(kafka, topic, 1, COMPACT_CONFIG)
    freeze = {
        "election_id": opened.election_id,
        "registry_hash": opened.registry_hash,
        "topic": opened.topic,
        "topic_id": opened.topic_id,
        "partition_count": opened.partition_count,
        "folder_hash": opened.folder_hash,
    }
    value = json.dumps(freeze).encode()
    key = opened.election_id.encode()
    published = latest_value(kafka, settings.elections_topic, key)
    if published is None:
        publish(kafka, settings.elections_topic, key, value)
    elif published != value:
        raise PermanentError(
            f"elections_topic says that {opened.election_id!r} was opened with other contents: {published.decode()}. "
            "This database is not the one it was opened in; restore the right one."
        )
