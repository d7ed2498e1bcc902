"""The bare consumer: what one would write by hand, with librdkafka and COPY. `python bare.py PROCESSES`.

The first ballot of a voter counts, by a primary key; no roll is asked, so that strangers count too. Rows and totals of
a batch are one transaction. Each process has partitions of its own.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import msgspec
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

_BATCH = 50_000


class Ballot(msgspec.Struct, gc=False):
    """What is counted of a ballot."""

    ballot_id: str
    voter_id: str
    precinct_id: str
    method: str
    selections: msgspec.Raw


_read_ballot = msgspec.json.Decoder(Ballot).decode
_read_selections = msgspec.json.Decoder(dict[str, list[str]]).decode


def count(kafka: str, topic: str, conninfo: str, part: int = 0, parts: int = 1) -> int:
    """Count what is in every `parts`-th partition now, from `part` on; return how many ballots that were."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("create temporary table incoming (voter_id text, ballot_id uuid) on commit delete rows")
        connection.commit()
        return sum(_count_batch(connection, batch) for batch in _batches(kafka, topic, part, parts))


def _batches(kafka: str, topic: str, part: int, parts: int) -> Iterator[list[Message]]:
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "bare",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 16 << 20,
            "queued.min.messages": 400_000,
        }
    )
    numbers = sorted(consumer.list_topics(topic).topics[topic].partitions)[part::parts]
    places = [TopicPartition(topic, number, 0) for number in numbers]
    waiting = sum(consumer.get_watermark_offsets(place)[1] for place in places)
    consumer.assign(places)
    while waiting:
        batch = consumer.consume(_BATCH, timeout=1.0)
        waiting -= len(batch)
        if batch:
            yield batch
    consumer.close()


def _count_batch(connection: psycopg.Connection, batch: list[Message]) -> int:
    ballots: dict[str, Ballot] = {}
    for message in batch:
        try:
            ballot = _read_ballot(message.value() or b"")
        except msgspec.MsgspecError:
            continue
        ballots.setdefault(ballot.voter_id, ballot)
    with connection.cursor().copy("copy incoming from stdin") as copy:
        copy.write("".join(f"{voter_id}\t{ballot.ballot_id}\n" for voter_id, ballot in ballots.items()))
    inserted = connection.execute(
        "insert into peers.participation select * from incoming on conflict do nothing returning voter_id"
    ).fetchall()
    alike = Counter(
        (ballot.precinct_id, ballot.method, bytes(ballot.selections))
        for ballot in (ballots[voter_id] for (voter_id,) in inserted)
    )
    votes: Counter[tuple[str, str, str, str]] = Counter()
    for (precinct_id, method, raw), number in alike.items():
        for contest_id, candidate_ids in _read_selections(raw).items():
            for candidate_id in candidate_ids:
                votes[contest_id, candidate_id, precinct_id, method] += number
    _add(connection, votes)
    connection.commit()
    return len(inserted)


def _add(connection: psycopg.Connection, votes: Counter[tuple[str, str, str, str]]) -> None:
    if votes:
        # In one order, or two processes that add to the same totals wait for each other for ever.
        keys = sorted(votes)
        connection.execute(
            "insert into peers.totals"
            " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
            " on conflict (contest_id, candidate_id, precinct_id, method)"
            " do update set vote_count = totals.vote_count + excluded.vote_count",
            [*map(list, zip(*keys, strict=True)), [votes[key] for key in keys]],
        )


def main(processes: int) -> None:
    """Count in so many processes."""
    # What libpq finds in the environment needs no other mention.
    counted = partial(count, os.environ["KAFKA"], os.environ["TOPIC"], "", parts=processes)
    if processes == 1:
        counted()
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(counted, range(processes)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
