"""A history: an election cast and counted on real engines while faults happen, and what must hold at its end."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg
from kafka import KafkaConsumer, TopicPartition

from election_assets.counting import count_settings
from election_assets.domain.election import Election
from election_assets.domain.topics import votes_topic_of
from election_assets.settings import PROJECT, Settings
from election_assets.verifying import verify_election
from engines import stack
from spark.readiness import waiting_messages
from spark.topic import LogReader, log_ends
from tests.faults.load import messages_of
from tests.faults.place import Place
from tests.support.ledger import broken_rules, figures_of, positions_of
from tests.support.running import children_of, jvm_of, python_workers_of

RATE = 100.0
# What is not mended by then hangs; a run of Dagster's may take a minute to begin where a machine is busy.
PATIENCE = 300.0

Found = TypeVar("Found")


class Part:
    """A process of the history, started again by whoever misses it."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", *arguments]
        self._environment = dict(environment)
        self.log = log
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(self._command, cwd=PROJECT, env=self._environment, stdout=output, stderr=output)

    def family(self) -> list[psutil.Process]:
        """Return the process and all below it that live; nobody may have asked yet how the others ended."""
        pid = self.process.pid
        family = [psutil.Process(pid), *children_of(pid)] if self.process.poll() is None else []
        return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def kill(self) -> None:
        """Kill the process alone; what it started notices, or does not."""
        self.process.kill()
        self.process.wait(30)

    def replaced(self) -> subprocess.Popen[bytes]:
        """Start a successor, whatever becomes of the process until now; return that."""
        old, self.process = self.process, self._started()
        return old

    def see_to_it(self) -> None:
        """Start it again where it has ended."""
        if self.process.poll() is not None:
            self.process = self._started()


@dataclass
class History:
    """The processes and places of one history. A fault acts on it, and returns when all it took away is there again."""

    place: Place
    election: Election
    seed: int
    randomly: random.Random
    load: Part
    count: Part
    acknowledged: Path
    left_behind: list[psutil.Process] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings of whoever is beside the wires."""
        return self.place.settings

    @property
    def election_id(self) -> str:
        """The id of the election."""
        return self.election.election_id

    def pause(self, longest: float) -> None:
        """Let up to so many seconds go by."""
        time.sleep(self.randomly.uniform(0, longest))

    def engine(self, name: str) -> psutil.Process:
        """Return the server process of an engine."""
        (found,) = (one for one in stack.status(self.place.home) if one.name == name)
        assert found.pid is not None
        return psutil.Process(found.pid)

    def jvm(self) -> psutil.Process:
        """Return the JVM of the count, once there is one."""
        return awaited(lambda: jvm_of(self.count.process.pid), PATIENCE)

    def python_workers(self) -> list[psutil.Process]:
        """Return the Python workers of the count, once there are some."""

        def found() -> list[psutil.Process]:
            workers = python_workers_of(jvm_of(self.count.process.pid))
            if not workers:
                raise StopIteration
            return workers

        return awaited(found, PATIENCE)

    def position(self) -> int | None:
        """Return how far the ledger stands; None while Postgres is away."""
        try:
            return positions_of(self.settings, self.election_id)["next_offset"]
        except psycopg.Error:
            return None

    def log_end(self) -> int:
        """Return how many messages the log has."""
        topic = votes_topic_of(self.election_id, self.settings.votes_topic)
        return log_ends(self.settings.kafka, [topic])[topic]

    def goes_on(self, beyond: int, *, casting: bool = True) -> float:
        """Wait until the ledger is beyond a position, starting again what has ended; return the seconds."""
        started = time.monotonic()
        while (self.position() or 0) <= beyond:
            if time.monotonic() - started > PATIENCE:
                raise AssertionError(f"Nothing is counted for {PATIENCE:g} s: {self.last_words()}")
            if casting:
                self.load.see_to_it()
            self.count.see_to_it()
            time.sleep(0.2)
        return time.monotonic() - started

    def last_words(self) -> str:
        """Return what the count said last, and Postgres."""
        logs = (self.count.log, self.load.log)
        return "\n".join(f"{one.name}: {one.read_text()[-1500:]}" for one in logs)

    def bury(self) -> None:
        """See to it that what a fault left behind has ended by itself, which a superseded count must."""
        _, alive = psutil.wait_procs(self.left_behind, PATIENCE)
        assert not alive, f"{alive} did not notice that another run has taken over: {self.last_words()}"
        self.left_behind.clear()


def awaited(found: Callable[[], Found], seconds: float) -> Found:
    """Ask until there is an answer, and no StopIteration for want of one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return found()
        except (StopIteration, psutil.NoSuchProcess):
            assert time.monotonic() < deadline, f"Not there after {seconds:g} s."
            time.sleep(0.2)


@contextmanager
def history(place: Place, election: Election, seed: int, folder: Path, *, by_dagster: bool) -> Iterator[History]:
    """Cast and count an open election while the body runs; nothing of it is left afterwards."""
    who = "night" if by_dagster else "count"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELECTION_")}
    wired = {**kept, **place.wired}
    place.clocks.put_right()
    acknowledged = folder / "acknowledged"
    acknowledged.touch()
    made = History(
        place=place,
        election=election,
        seed=seed,
        randomly=random.Random(seed),
        load=Part(
            ["tests.faults.load", election.election_id, str(seed), str(RATE), str(acknowledged)],
            wired,
            folder / "load.log",
        ),
        count=Part(
            [f"tests.faults.{who}", election.election_id],
            {**wired, **place.clocks.variables_of_count},
            folder / "count.log",
        ),
        acknowledged=acknowledged,
    )
    try:
        yield made
    finally:
        for one in [*made.load.family(), *made.count.family(), *made.left_behind]:
            if one.is_running():
                one.kill()


def ended(made: History) -> int:
    """End the load, wait until all it cast is judged, and hold the outcome against all that must be so.

    Returns how many messages were judged.
    """
    made.place.up()
    if made.load.process.poll() is None:
        made.load.process.send_signal(signal.SIGTERM)
        assert made.load.process.wait(PATIENCE) == 0, made.last_words()
    end = made.log_end()
    made.goes_on(beyond=end - 1, casting=False)
    made.bury()
    for one in made.count.family():
        one.kill()
    made.count.process.wait(PATIENCE)
    no_acknowledged_message_is_lost(made)
    verification = verify_election(made.settings, made.election_id)
    assert verification.has_passed, [str(one) for one in verification.checks if not one.passed]
    assert verification.position == end
    assert broken_rules(made.settings, made.election_id) == []
    assert totals_published(made) == totals_counted(made)
    return end


def totals_published(made: History) -> dict[tuple[str, str], int]:
    """Return contest and candidate → the votes that the results topic says last, by its rule for readers."""
    # What a count does that finds nothing to judge, as one does after the last kill.
    assert waiting_messages(count_settings(made.settings, made.election_id)) == 0
    latest: dict[tuple[str, str], tuple[int, int, int]] = {}
    with LogReader(made.settings.kafka, made.settings.results_topic) as log:
        for partition, (start, stop) in log.starts_and_ends().items():
            for message in log.messages_from(partition, start, stop):
                said = json.loads(message.value)
                if said["election_id"] == made.election_id:
                    cell = (said["contest_id"], said["candidate_id"])
                    told = (said["recount"], said["position"], said["total_votes"])
                    latest[cell] = max(told, latest.get(cell, told), key=lambda one: one[:2])
    return {cell: votes for cell, (_, _, votes) in latest.items()}


def totals_counted(made: History) -> dict[tuple[str, str], int]:
    """Return contest and candidate → votes in the ledger."""
    counted = Counter[tuple[str, str]]()
    for contest in made.election.contests:
        counted.update({(contest.contest_id, one.candidate_id): 0 for one in contest.candidates})
    for (contest_id, candidate_id, _, _), votes in figures_of(made.settings, made.election_id).votes.items():
        counted[contest_id, candidate_id] += votes
    return dict(counted)


def no_acknowledged_message_is_lost(made: History) -> None:
    """Read the log: at each acknowledged offset it has the message of which the producer was told that."""
    sent = messages_of(made.election, made.seed)
    in_log = log_of(made)
    acknowledged = made.acknowledged.read_text().splitlines()
    assert acknowledged
    for line in acknowledged:
        number, partition, offset = map(int, line.split())
        message = sent[number % len(sent)]
        assert in_log.get((partition, offset)) == (message.key, message.value), (
            f"Message {number} was acknowledged at partition {partition}, offset {offset}, and is not there."
        )


def log_of(made: History) -> dict[tuple[int, int], tuple[bytes | None, bytes | None]]:
    """Return partition and offset → key and value of all of the votes topic."""
    topic = votes_topic_of(made.election_id, made.settings.votes_topic)
    consumer = KafkaConsumer(**made.settings.kafka.client_options(), group_id=None)
    found = {}
    try:
        places = [TopicPartition(topic, one) for one in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=1000).values():
                found.update({(one.partition, one.offset): (one.key, one.value) for one in records})
    finally:
        consumer.close()
    return found
