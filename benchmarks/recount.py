"""A plain recount: what reading an election's log from its start comes to, and what its ledger says."""

import json
from collections import Counter

import psycopg
from confluent_kafka import Consumer, TopicPartition

from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings

Cell = tuple[str, str, str, str]


def recounted(settings: Settings, election_id: str, partition_count: int) -> tuple[Counter[Cell], int]:
    """Return votes and ballots as a plain reading of the log has them: of each voter the first ballot."""
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap_servers, "group.id": "recount", "enable.auto.commit": False}
    )
    topic = votes_topic_of(election_id, settings.votes_topic)
    partitions = [TopicPartition(topic, number, 0) for number in range(partition_count)]
    left = sum(consumer.get_watermark_offsets(one, timeout=30)[1] for one in partitions)
    consumer.assign(partitions)
    voted: set[str] = set()
    votes: Counter[Cell] = Counter()
    while left:
        batch = consumer.consume(50_000, timeout=10)
        left -= len(batch)
        if not batch:
            raise SystemExit(f"{left:,} messages of the log could not be read.")
        for message in batch:
            ballot = json.loads(message.value() or b"")
            if ballot["voter_id"] not in voted:
                voted.add(ballot["voter_id"])
                place = ballot["precinct_id"], ballot["method"]
                votes.update((contest, one, *place) for contest, ones in ballot["selections"].items() for one in ones)
    consumer.close()
    return votes, len(voted)


def counted(settings: Settings, election_id: str) -> tuple[Counter[Cell], int]:
    """Return votes and ballots as the ledger has them."""
    with psycopg.connect(settings.conninfo("auditor")) as connection:
        rows = connection.execute(
            "select contest_id, candidate_id, precinct_id, method, vote_count from ledger.tallies_added_up"
            " where election_id = %s and vote_count > 0",
            (election_id,),
        ).fetchall()
        row = connection.execute(
            "select count(*) from ledger.participation join registry.elections using (election_number)"
            " where election_id = %s",
            (election_id,),
        ).fetchone()
    return Counter({(row[0], row[1], row[2], row[3]): row[4] for row in rows}), row[0] if row else 0
