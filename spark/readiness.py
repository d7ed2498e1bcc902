"""Whether an election can be counted, and whether there is anything to count: asked before Spark is started."""

import psycopg

from election_assets.domain.frozen import FrozenElection
from spark.guard import check_database, check_freeze, check_log, check_topic
from spark.registry import read_frozen
from spark.results import ResultsTopic
from spark.runs import positions
from spark.settings import CountSettings
from spark.topic import LogReader, latest_value, topic_facts


def waiting_messages(settings: CountSettings) -> int:
    """Return how many messages wait to be judged, after a count's checks; where none does, publish the totals.

    Raises what `count` raises where the log or the registry is not what the election was opened with.
    """
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        election = read_frozen(connection, settings.election_id)
        check_database(connection)
        with LogReader(settings.kafka, settings.topic) as log:
            check_log_and_freeze(connection, settings, election, log)
            judged = {one.partition: one.next_offset for one in positions(connection, election.election_number)}
            waiting = sum(stop - judged.get(one, 0) for one, (_, stop) in log.starts_and_ends().items())
    if not waiting:
        with results_topic(settings) as topic:
            topic.publish()
    return waiting


def results_topic(settings: CountSettings) -> ResultsTopic:
    """Return the publisher of an election's totals."""
    return ResultsTopic(settings.kafka, settings.results_topic, settings.conninfo, settings.election_id)


def check_log_and_freeze(
    connection: psycopg.Connection, settings: CountSettings, election: FrozenElection, log: LogReader
) -> None:
    """Run the guard's part for whoever reads: refuse a log or a registry that is not what was opened."""
    row = connection.execute(
        "select topic_id from registry.elections where election_id = %s", (election.election_id,)
    ).fetchone()
    topic_id = row[0] if row else ""
    facts = topic_facts(settings.kafka, settings.topic)
    check_topic(facts, settings.topic, topic_id, election)
    freeze = latest_value(settings.kafka, settings.elections_topic, election.election_id.encode())
    check_freeze(freeze, election, topic_id)
    check_log(log, positions(connection, election.election_number), settings.topic)
