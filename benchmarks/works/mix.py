"""What bad messages and a crowded precinct cost, beside a clean log in the same rounds.

Every log has as many messages; one that is not its voter's first ballot is rejected or quarantined.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
from pyspark.sql import SparkSession

from benchmarks.calibrators import machine
from benchmarks.results import CALIBRATORS, Sample
from benchmarks.sizes import Size
from benchmarks.stage import Stage, engines, opened
from election_assets.counting import count_settings, reset_election, session_for
from election_assets.domain.election import Election, Method, OfficialBallots, OfficialResult
from election_assets.domain.synthetic import generate_election
from engines import stack
from spark.stream import count

TURNOUT = 0.7
_BATCHES = (
    "select started_at, duration_ms, message_count from ledger.batches"
    " join registry.elections using (election_number) where election_id = %s order by epoch, batch_number"
)

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


def with_hot_precinct(election: Election) -> Election:
    """Merge the first half of an election's precincts into one, which then has half of all ballots."""
    ids = [one.precinct_id for one in election.precinct_ballot_styles]
    merged = dict.fromkeys(ids[: len(ids) // 2], ids[0])
    results: Counter[tuple[str, str, str, Method]] = Counter()
    for one in election.official_results:
        place = merged.get(one.precinct_id, one.precinct_id)
        results[one.contest_id, one.candidate_id, place, one.method] += one.vote_count
    ballots: Counter[tuple[str, Method]] = Counter()
    blanks: Counter[tuple[str, Method]] = Counter()
    for each in election.official_ballots:
        cell = merged.get(each.precinct_id, each.precinct_id), each.method
        ballots[cell] += each.ballot_count or 0
        blanks[cell] += each.blank_count or 0
    voters: Counter[str] = Counter()
    for style in election.precinct_ballot_styles:
        voters[merged.get(style.precinct_id, style.precinct_id)] += style.voter_count
    gone = merged.keys() - voters.keys()
    units = [one for one in election.reporting_units if one.reporting_unit_id not in gone]
    return replace(
        election,
        reporting_units=tuple(replace(one, registered_voter_count=voters.get(one.reporting_unit_id)) for one in units),
        precinct_ballot_styles=tuple(
            replace(one, voter_count=voters[one.precinct_id])
            for one in election.precinct_ballot_styles
            if one.precinct_id in voters
        ),
        official_results=tuple(OfficialResult(*cell, votes) for cell, votes in results.items()),
        official_ballots=tuple(OfficialBallots(*cell, count, blanks[cell]) for cell, count in ballots.items()),
    )


def measure(size: Size) -> Iterator[Sample]:
    """Count each log in turn, all in one JVM."""
    drawn = generate_election("mix", round(size.mix / TURNOUT), turnout=TURNOUT)
    elections = dict.fromkeys(MIXES, drawn) | {"half in one precinct": with_hot_precinct(drawn)}
    with engines(stack.Size.LAPTOP) as settings:
        stages = {}
        for at, (case, election) in enumerate(elections.items()):
            stages[case] = stage = opened(settings, replace(election, election_id=f"mix-{at}"))
            stage.waiting = MIXES.get(case, clean)(stage.waiting)
            stage.send()
        session = session_for(settings, _CONSUMERS)
        try:
            for number in range(size.rounds):
                yield Sample(CALIBRATORS, number, machine())
                rates = {case: _rate(session, stage) for case, stage in stages.items()}
                for case, rate in rates.items():
                    yield Sample(case, number, {"messages /s": rate, "÷ clean": rate / rates["clean"]})
        finally:
            session.stop()


def _rate(session: SparkSession, stage: Stage) -> float:
    """Return messages per second from the end of the first micro-batch on; all must have been judged."""
    election_id = stage.election.election_id
    part = stage.ballot_count // 6
    count(session, count_settings(stage.settings, election_id, idle_seconds=0.2, max_offsets_per_trigger=part))
    with psycopg.connect(stage.settings.conninfo("auditor")) as connection:
        rows = connection.execute(_BATCHES, (election_id,)).fetchall()
    reset_election(stage.settings, election_id)
    judged: int = sum(row[2] for row in rows)
    if judged != stage.ballot_count:
        raise RuntimeError(f"The count judged {judged} of {stage.ballot_count} messages: its time is void.")
    first, last = (float(row[0].timestamp() + row[1] / 1000) for row in (rows[0], rows[-1]))
    return float(judged - rows[0][2]) / (last - first)
