"""Running totals: from the ledger, in one snapshot, to the results topic."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from election_assets.errors import TransientError
from election_assets.kafka_cluster import KafkaCluster, kafka_errors
from spark.topic import TIMEOUTS

MIN_SECONDS_BETWEEN = 1.0

_TOTALS = """
select c.contest_id, c.candidate_id, c.candidate_name, c.party, coalesce(sum(t.vote_count), 0)::bigint
from registry.elections e
join registry.contests n using (election_id)
join registry.candidates c using (election_id, contest_id)
left join ledger.tallies t
    on t.election_number = e.election_number
    and t.contest_number = n.contest_number and t.candidate_number = c.candidate_number
where e.election_id = %s and (e.publish = 'live' or now() >= e.closes_at)
group by c.contest_id, c.candidate_id, c.candidate_name, c.party
"""
_POSITION = "select position, recount from ledger.positions_added_up where election_id = %s"


class ResultsTopic:
    """Publishes an election's totals per candidate, at most one set a second.

    A reader ignores a set with a lower (recount, position) than it has seen.
    """

    def __init__(self, kafka: KafkaCluster, topic: str, conninfo: str, election_id: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._conninfo = conninfo
        self._election_id = election_id
        self._published_at = 0.0
        self._published: int | None = None
        with kafka_errors(kafka):
            self._producer = KafkaProducer(
                **kafka.client_options(),
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                max_block_ms=TIMEOUTS["request_timeout_ms"],
                **TIMEOUTS,
            )

    def __enter__(self) -> "ResultsTopic":
        return self

    def __exit__(self, *_: object) -> None:
        # `publish` has waited for each total; an error of what is still unsent would hide the one that ended the run.
        with suppress(KafkaTimeoutError):
            self._producer.close(timeout=5)

    def publish_if_due(self, position: int) -> None:
        """Publish, unless the set of this position is published already, or one was tried less than a second ago.

        A set that the broker did not take, while its leader moves, ends no count: the next one says more.
        """
        if position != self._published and time.monotonic() - self._published_at >= MIN_SECONDS_BETWEEN:
            with suppress(TransientError):
                self.publish()

    def publish(self) -> None:
        """Publish every candidate's total as the ledger has it now; nothing before an `at_close` election closes."""
        self._published_at = time.monotonic()
        with psycopg.connect(self._conninfo) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            position, recount = connection.execute(_POSITION, (self._election_id,)).fetchone() or (0, 0)
            totals = connection.execute(_TOTALS, (self._election_id,)).fetchall()
        as_of = datetime.now(UTC).isoformat(timespec="milliseconds")
        with kafka_errors(self._kafka):
            sent = []
            for contest_id, candidate_id, candidate_name, party, total_votes in totals:
                value = {
                    "election_id": self._election_id,
                    "contest_id": contest_id,
                    "candidate_id": candidate_id,
                    "candidate_name": candidate_name,
                    "party": party,
                    "total_votes": total_votes,
                    "recount": recount,
                    "position": position,
                    "as_of": as_of,
                }
                key = f"{self._election_id}/{contest_id}/{candidate_id}"
                sent.append(self._producer.send(self._topic, key=key.encode(), value=json.dumps(value).encode()))
            for one in sent:
                one.get(timeout=10)
        self._published = position
