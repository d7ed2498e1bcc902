"""What bad messages cost: messages per second of logs with many of them, beside a clean one's in the same rounds.

`python -m benchmarks.mix [BALLOTS]`. Every log has as many messages; one that is not its voter's first ballot is
rejected or quarantined.
"""

import random
import statistics
import sys
from collections.abc import Callable, Iterator

import psycopg

from benchmarks.stage import Stage, engines, opened
from election_assets.counting import count_settings, reset_election, session_for
from election_assets.domain.synthetic import generate_election
from engines.stack import Size
from spark.stream import count

BALLOTS = 300_000
ROUNDS = 5
TURNOUT = 0.7

# Each count leaves its Kafka consumers with what they fetched for five minutes; some twenty in one JVM fill its heap.
_CONSUMERS = {
    f"spark.kafka.consumer.{cache}.{name}": value
    for cache in ("cache", "fetchedData.cache")
    for name, value in (("timeout", "2s"), ("evictorThreadRunInterval", "1s"))
}

Sent = tuple[bytes, bytes]
Mixed = Iterator[Sent]

_POISON: tuple[Callable[[bytes, bytes], Sent], ...] = (
    lambda key, value: (key, value[:-1]),
    lambda key, value: (key, value.replace(b'"', b"'", 2)),
    lambda key, value: (key, value + b" " * 20_000),
    lambda key, value: (key, value[:-1] + b',"ballot_id":"twice"}'),
    lambda key, value: (key + b"x", value),
    lambda key, value: (key, value.replace(b"{", b'{"more":[[[[1e400]]]],', 1)),
    lambda key, value: (key, b""),
    lambda key, _: (key, b"\xff\xfe{}"),
)


def clean(ballots: Mixed) -> Mixed:
    """Every voter's first ballot."""
    return ballots


def poisoned(ballots: Mixed) -> Mixed:
    """One in ten is no ballot, in eight ways."""
    randomly = random.Random(1)
    for key, value in ballots:
        yield randomly.choice(_POISON)(key, value) if randomly.random() < 0.1 else (key, value)


def malformed(ballots: Mixed) -> Mixed:
    """One in five is cut short."""
    for number, (key, value) in enumerate(ballots):
        yield (key, value[:-1]) if number % 5 == 0 else (key, value)


def resent(ballots: Mixed) -> Mixed:
    """Every other one is the one before, once more."""
    for number, one in enumerate(ballots):
        if number % 2 == 0:
            yield from (one, one)


MIXES = {"clean": clean, "10 % poison": poisoned, "20 % malformed": malformed, "50 % resent": resent}


def rate(stage: Stage) -> float:
    """Return messages per second from the end of the first micro-batch on; all must have been judged."""
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(
            "select started_at, duration_ms, message_count from ledger.batches"
            " join registry.elections using (election_number) where election_id = %s order by epoch, batch_number",
            (stage.election.election_id,),
        ).fetchall()
    judged = sum(row[2] for row in rows)
    if judged != stage.ballot_count:
        raise RuntimeError(f"The count judged {judged} of {stage.ballot_count} messages: its time is void.")
    first, last = (row[0].timestamp() + row[1] / 1000 for row in (rows[0], rows[-1]))
    return float(judged - rows[0][2]) / (last - first)


def main(ballots: int) -> None:
    """Measure and print."""
    measured: dict[str, list[float]] = {mix: [] for mix in MIXES}
    with engines(Size.LAPTOP) as settings:
        stages = {}
        for number, (mix, mixed) in enumerate(MIXES.items()):
            election = generate_election(f"mix-{number}", round(ballots / TURNOUT), contests=3, turnout=TURNOUT)
            stages[mix] = stage = opened(settings, election)
            stage.waiting = mixed(stage.waiting)
            stage.send()
        session = session_for(settings, _CONSUMERS)
        try:
            for _ in range(ROUNDS):
                for mix, stage in stages.items():
                    run = count_settings(
                        settings, stage.election.election_id, idle_seconds=0.2, max_offsets_per_trigger=ballots // 6
                    )
                    count(session, run)
                    measured[mix].append(rate(stage))
                    reset_election(settings, stage.election.election_id)
        finally:
            session.stop()
    print(f"{ballots:,} messages each, {ROUNDS} rounds")
    print(f"{'messages/s':16} {'median':>10} {'min':>10} {'max':>10}  of the clean rate")
    for mix, rates in measured.items():
        share = statistics.median(one / each for one, each in zip(rates, measured["clean"], strict=True))
        print(f"{mix:16} {statistics.median(rates):10,.0f} {min(rates):10,.0f} {max(rates):10,.0f}  {share:.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else BALLOTS)
