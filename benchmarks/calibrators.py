"""The calibrators: what the machine does in the same minutes without the part that is measured.

`sink_alone` is the count's Postgres work fed from memory. `bare_consumer` is what one would
write by hand: librdkafka and COPY in one process, first ballot per voter, no roll check.
"""

import time
from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.stage import Stage
from election_assets.domain.ballot import read_plain_ballot
from election_assets.domain.judge import Judge, Judged, Messages
from election_assets.domain.partitioning import partition_of
from election_assets.domain.replay import messages
from spark.ledger import Stretch, commit
from spark.registry import check_and_keep_roll, load_roll, read_frozen
from spark.runs import begin

_SLICE = 50_000
_read_selections = msgspec.json.Decoder(dict[str, list[str]]).decode


def sink_alone(stage: Stage) -> float:
    """Return ballots per second of the ledger's transactions alone, on one connection, from a ledger just reset."""
    conninfo = stage.settings.conninfo("counter")
    folder = stage.settings.home / "count" / "rolls"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        election = read_frozen(connection, stage.election.election_id)
        check_and_keep_roll(connection, election, folder)
        roll = load_roll(election, folder, conninfo)
        slices = list(_judged_slices(Judge(election, roll), stage))
        writer = begin(connection, election, "sink-alone", election.partition_count)
        reached = [0] * election.partition_count
        started = time.monotonic()
        for partition, judged in slices:
            end = reached[partition] + len(judged.offsets)
            commit(connection, writer, Stretch(partition, reached[partition], end), judged, election, roll)
            reached[partition] = end
        return sum(reached) / (time.monotonic() - started)


def _judged_slices(judge: Judge, stage: Stage) -> Iterator[tuple[int, Judged]]:
    count = judge.election.partition_count
    waiting: list[list[tuple[bytes, bytes]]] = [[] for _ in range(count)]
    reached = [0] * count
    for message in messages(stage.election):
        partition = partition_of(message[0], count)
        waiting[partition].append(message)
        if len(waiting[partition]) == _SLICE:
            yield partition, _judged(judge, partition, reached[partition], waiting[partition])
            reached[partition] += _SLICE
            waiting[partition] = []
    for partition, rest in enumerate(waiting):
        if rest:
            yield partition, _judged(judge, partition, reached[partition], rest)


def _judged(judge: Judge, partition: int, start: int, ballots: list[tuple[bytes, bytes]]) -> Judged:
    offsets = np.arange(start, start + len(ballots))
    times = np.full(len(ballots), time.time_ns() // 1_000_000)
    return judge.judge(Messages(partition, offsets, times, [one[0] for one in ballots], [one[1] for one in ballots]))


def bare_consumer(stage: Stage) -> float:
    """Return ballots per second of a hand-written consumer over the whole log, into tables of its own."""
    with psycopg.connect(stage.settings.conninfo("owner")) as connection:
        connection.execute("create schema if not exists bare")
        connection.execute("drop table if exists bare.participation, bare.tallies")
        connection.execute("create table bare.participation (voter_id text primary key, ballot_id uuid not null)")
        connection.execute(
            "create table bare.tallies (contest_id text, candidate_id text, precinct_id text, method text,"
            " vote_count bigint, primary key (contest_id, candidate_id, precinct_id, method))"
        )
        connection.execute("create temporary table incoming (voter_id text, ballot_id uuid) on commit delete rows")
        connection.commit()
        started = time.monotonic()
        counted = sum(_count_bare(connection, batch) for batch in _batches(stage))
        seconds = time.monotonic() - started
    if counted != stage.ballot_count:
        raise RuntimeError(f"The bare consumer counted {counted} of {stage.ballot_count} ballots: its time is void.")
    return counted / seconds


def _batches(stage: Stage) -> Iterator[list[Message]]:
    consumer = Consumer(
        {
            "bootstrap.servers": str(stage.settings.kafka),
            "group.id": "bare",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 16 << 20,
            "queued.min.messages": 400_000,
        }
    )
    consumer.assign([TopicPartition(stage.topic, number, 0) for number in range(stage.election.partition_count)])
    seen = 0
    while seen < stage.ballot_count:
        batch = consumer.consume(50_000, timeout=1.0)
        seen += len(batch)
        if batch:
            yield batch
    consumer.close()


def _count_bare(connection: psycopg.Connection, batch: list[Message]) -> int:
    ballots = {}
    for message in batch:
        ballot = read_plain_ballot(message.value())
        if ballot is not None:
            ballots.setdefault(ballot.voter_id, ballot)
    with connection.cursor().copy("copy incoming from stdin") as copy:
        copy.write("".join(f"{voter_id}\t{ballot.ballot_id}\n" for voter_id, ballot in ballots.items()))
    inserted = connection.execute(
        "insert into bare.participation select * from incoming on conflict do nothing returning voter_id"
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
    connection.execute(
        "insert into bare.tallies select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
        " on conflict (contest_id, candidate_id, precinct_id, method)"
        " do update set vote_count = tallies.vote_count + excluded.vote_count",
        [*map(list, zip(*votes, strict=True)), list(votes.values())],
    )
    connection.commit()
    return len(inserted)
