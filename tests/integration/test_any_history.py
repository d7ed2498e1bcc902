"""The claim about any order of events: the ledger is at every moment what a plain count of the log comes to.

Hypothesis draws histories: ballots, resends, second ballots, garbage and transactions in the log; stretches judged,
killed before or after their commit, or judged by who was superseded; resets, backups put back, polls that are closed.
"""

import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from election_assets.counting import reset_election
from election_assets.domain.election import Election
from election_assets.domain.frozen import FrozenElection, Roll
from election_assets.domain.judge import Judge, Messages
from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.settings import Settings
from spark.ledger import Stretch, Writer
from spark.registry import load_roll, read_frozen
from spark.runs import begin
from tests.support.ballots import Draft, Message, draft, partition_for, with_faults
from tests.support.crashing import Work, interrupted
from tests.support.elections import Voter, made_election, roll_of
from tests.support.ledger import broken_rules, figures_of, ledger_of, owner, uncounted_of
from tests.support.log import opened
from tests.support.mixture import Cast, expected_figures, judged_in_order
from tests.support.running import aged_heartbeat

PARTITIONS = 2
VOTERS_EACH = 3
MOST_STEPS = 40
CHOICES: tuple[dict[str, list[str]], ...] = ({}, {"mayor": ["ann"]}, {"mayor": ["bob"], "council": ["dan", "eve"]})
FAULTS = (Reason.WRONG_KEY, Reason.WRONG_PARTITION, Reason.WRONG_ELECTION)
# A message as it was cast, and its fault; a hole is None.
Sent = tuple[Draft | Message, Reason | None]
TABLES = (
    "positions", "participation", "ballot_counts", "voter_group_counts", "arrivals", "contest_ballots", "tallies",
    "uncounted", "count_runs",
)  # fmt: skip

voter_numbers = st.integers(0, 4 * VOTERS_EACH - 1)
partitions = st.integers(0, PARTITIONS - 1)


@dataclass(frozen=True, slots=True)
class Place:
    """An opened election and what counting it needs; its log is kept here, and no broker is asked."""

    settings: Settings
    election: Election
    frozen: FrozenElection
    roll: Roll

    @classmethod
    def opened(cls, settings: Settings, closed: bool) -> "Place":
        now = datetime.now(UTC)
        polls = {"opens_at": now - timedelta(hours=2), "closes_at": now - timedelta(hours=1)} if closed else {}
        election = made_election(f"any-{closed}".lower(), VOTERS_EACH, partition_count=PARTITIONS, **polls)
        opened(settings, election)
        conninfo = settings.conninfo("counter")
        with psycopg.connect(conninfo) as connection:
            frozen = read_frozen(connection, election.election_id)
        return cls(settings, election, frozen, load_roll(frozen, settings.home / "count" / "rolls", conninfo))


class AnyHistory(RuleBasedStateMachine):
    """An election's log and ledger beside what is known of them: the oracle is a list of messages per partition."""

    places: ClassVar[dict[bool, Place]]

    @initialize(closed=st.booleans())
    def it_begins(self, closed: bool) -> None:
        self.place = place = self.places[closed]
        self.closed = closed
        self.election_id = place.election.election_id
        self.voters: list[Voter] = [one for one in roll_of(place.election) if one.ballot_style_id != "bridge-only"]
        self.log: list[list[Sent | None]] = [[] for _ in range(PARTITIONS)]
        self.kept: list[int] | None = None
        self.superseded: list[Writer] = []
        self.owner = owner(place.settings)
        self.counter = psycopg.connect(place.settings.conninfo("counter"), autocommit=True)
        self.writer = self.new_writer()
        self.the_ledger_is_reset()

    def teardown(self) -> None:
        if hasattr(self, "owner"):
            self.owner.close()
            self.counter.close()

    def new_writer(self) -> Writer:
        return begin(self.counter, self.place.frozen, f"run-{uuid.uuid4().hex[:8]}", PARTITIONS)

    def send(self, one: Draft | Message, fault: Reason | None) -> None:
        self.log[(one if isinstance(one, Message) else one.message()).partition].append((one, fault))

    def work(self, partition: int, start: int, end: int) -> Work:
        """Judge what a task would be given of a stretch."""
        sent = [(at, one[0]) for at, one in enumerate(self.log[partition][:end]) if at >= start and one is not None]
        found = [(at, one if isinstance(one, Message) else one.message()) for at, one in sent]
        messages = Messages(
            partition,
            np.array([at for at, _ in found], dtype=np.int64),
            np.full(len(found), time.time_ns() // 1_000_000, dtype=np.int64),
            [message.key for _, message in found],
            [message.value for _, message in found],
        )
        place = self.place
        judged = Judge(place.frozen, place.roll).judge(messages) if found else None
        conninfo = place.settings.conninfo("counter")
        return Work(conninfo, place.frozen, place.roll, Stretch(partition, start, end), judged)

    @rule(number=voter_numbers, attempt=st.integers(0, 1), choice=st.sampled_from(CHOICES))
    def a_ballot_is_cast(self, number: int, attempt: int, choice: dict[str, list[str]]) -> None:
        self.send(draft(self.place.election, self.voters[number], choice, attempt), None)

    @rule(number=voter_numbers, fault=st.sampled_from(FAULTS))
    def a_ballot_is_cast_wrongly(self, number: int, fault: Reason) -> None:
        self.send(with_faults(draft(self.place.election, self.voters[number]), fault), fault)

    @rule(number=voter_numbers, value=st.binary(max_size=40))
    def garbage_arrives(self, number: int, value: bytes) -> None:
        key = self.voters[number].voter_id.encode()
        self.send(Message(partition_for(key, PARTITIONS), key, value), Reason.MALFORMED)

    @rule(numbers=st.lists(voter_numbers, min_size=1, max_size=6))
    def ballots_are_cast_in_a_transaction(self, numbers: list[int]) -> None:
        """Kafka adds a marker to each partition, which is a hole."""
        ballots = [draft(self.place.election, self.voters[number], CHOICES[1]) for number in numbers]
        for one in ballots:
            self.send(one, None)
        for partition in {one.message().partition for one in ballots}:
            self.log[partition].append(None)

    @rule(partition=partitions, share=st.floats(0.3, 1), overlap=st.integers(0, 3))
    def a_stretch_is_judged(self, partition: int, share: float, overlap: int) -> None:
        start, end = self.stretch(partition, share)
        work = self.work(partition, max(0, start - overlap), end)
        with work.connected(self.writer) as connection:
            assert work.commit(connection, self.writer).next_offset == end
        self.judged[partition] = end

    @rule(partition=partitions, step=st.integers(1, MOST_STEPS), once_sent=st.booleans())
    def a_worker_is_killed_in_its_transaction(self, partition: int, step: int, once_sent: bool) -> None:
        start, end = self.stretch(partition, 1)
        work = self.work(partition, start, end)
        worker = interrupted(work, self.writer, step, signal.SIGKILL, once_sent=once_sent)
        worker.join(30)
        assert worker.exitcode in (0, -signal.SIGKILL)
        # Its backend notices by and by; the next one's takeover ends it.
        self.a_run_takes_over()
        stands = self.positions()[partition]
        assert stands in (start, end)
        assert stands == end or worker.exitcode
        self.judged[partition] = stands

    @rule()
    def a_run_takes_over(self) -> None:
        self.superseded.append(self.writer)
        self.writer = self.new_writer()

    @precondition(lambda self: self.superseded)
    @rule(partition=partitions, which=st.randoms(use_true_random=False))
    def who_was_superseded_writes_nothing(self, partition: int, which: Any) -> None:
        start, end = self.stretch(partition, 1)
        work, writer = self.work(partition, start, end), which.choice(self.superseded)
        with work.connected(writer) as connection, pytest.raises(PermanentError, match="may no longer write"):
            work.commit(connection, writer)

    @rule()
    def the_ledger_is_reset(self) -> None:
        aged_heartbeat(self.place.settings, self.election_id)
        reset_election(self.place.settings, self.election_id)
        self.judged = [0] * PARTITIONS
        self.a_run_takes_over()

    @rule()
    def a_backup_is_made(self) -> None:
        for table in TABLES:
            self.owner.execute(f"drop table if exists kept_{table}".encode())
            ours = f"select * from ledger.{table} where election_number = {self.place.frozen.election_number}"
            self.owner.execute(f"create temporary table kept_{table} as {ours}".encode())
        self.kept = [*self.judged]

    @precondition(lambda self: self.kept is not None)
    @rule()
    def the_backup_is_put_back(self) -> None:
        assert self.kept is not None
        with self.owner.transaction():
            self.owner.execute("set local session_replication_role = replica")
            for table in TABLES:
                ours = f"ledger.{table} where election_number = {self.place.frozen.election_number}"
                self.owner.execute(f"delete from {ours}".encode())
                self.owner.execute(f"insert into ledger.{table} select * from kept_{table}".encode())
        self.judged = [*self.kept]
        self.a_run_takes_over()

    def positions(self) -> dict[int, int]:
        """Return partition → where the ledger stands."""
        return {row[0]: row[1] for row in ledger_of(self.place.settings, self.election_id)["positions"]}

    def stretch(self, partition: int, share: float) -> tuple[int, int]:
        start, end = self.judged[partition], len(self.log[partition])
        return start, start + round((end - start) * share)

    @invariant()
    def the_ledger_is_what_the_log_comes_to(self) -> None:
        if not hasattr(self, "writer"):
            return
        casts, uncounted = list[Cast](), {}
        assert self.positions() == dict(enumerate(self.judged))
        for partition, end in enumerate(self.judged):
            for offset, cast in self.judged_of(partition, end):
                casts.append(cast)
                if cast.reason:
                    uncounted[partition, offset] = cast.reason
        assert uncounted_of(self.place.settings, self.election_id) == uncounted
        assert figures_of(self.place.settings, self.election_id) == expected_figures(self.place.election, casts)
        assert broken_rules(self.place.settings, self.election_id) == []

    def judged_of(self, partition: int, end: int) -> Iterator[tuple[int, Cast]]:
        """Yield offset and what it must be, without holes."""
        sent = [(offset, one) for offset, one in enumerate(self.log[partition][:end]) if one is not None]
        late = Reason.AFTER_CLOSE if self.closed else None
        casts = judged_in_order((one, fault or late) for _, (one, fault) in sent)
        yield from zip((offset for offset, _ in sent), casts, strict=True)


def lived(settings: Settings, examples: int, steps: int) -> None:
    AnyHistory.places = {closed: Place.opened(settings, closed) for closed in (False, True)}
    run_state_machine_as_test(
        AnyHistory,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_few_histories(settings: Settings) -> None:
    lived(settings, examples=40, steps=15)


@pytest.mark.nightly
def test_more_and_longer_histories(settings: Settings) -> None:
    lived(settings, examples=500, steps=40)
