"""Claims about the ledger's transaction: a worker killed or stopped anywhere in it leaves all or nothing behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psycopg
import pytest

from election_assets.counting import reset_election
from election_assets.errors import PermanentError, TransientError
from election_assets.settings import Settings
from spark.figures import CountFigures
from spark.ledger import Stretch, Writer
from spark.runs import Heartbeat, begin, end
from tests.support.crashing import Work, interrupted, work_on
from tests.support.elections import made_election
from tests.support.ledger import Rows, broken_rules, ledger_of, owner
from tests.support.log import appended, opened
from tests.support.mixture import mixture

Count = Callable[..., CountFigures]

# More than the exchanges of a commit in its longest way, where a voter has voted before.
MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """An election of one partition: half its log is committed, the other half is what workers die over."""

    settings: Settings
    first: Work
    work: Work
    before: dict[str, Rows]
    after: dict[str, Rows]

    @property
    def election_id(self) -> str:
        return self.work.election.election_id

    @contextmanager
    def run(self, run_id: str = "test") -> Iterator[tuple[psycopg.Connection, Writer]]:
        """Take the count over, as a run does; say its end afterwards."""
        with psycopg.connect(self.work.conninfo, autocommit=True) as connection:
            writer = begin(connection, self.work.election, run_id, self.work.election.partition_count)
            yield connection, writer
            end(connection, writer, "test")

    def rewound(self) -> None:
        """Put the ledger back to the first half."""
        reset_election(self.settings, self.election_id)
        with self.run() as (connection, writer):
            self.first.commit(connection, writer)

    def ledger(self) -> dict[str, Rows]:
        return ledger_of(self.settings, self.election_id)


@pytest.fixture(scope="module")
def case(settings: Settings, count_now: Count) -> Case:
    """Half of the mixture is repeated, so that the second half meets voters whose ballots are counted."""
    election = replace(made_election("crashes", voters_each=30), partition_count=1)
    opened(settings, election)
    messages = [cast.message for cast in mixture(election, seed=21)]
    appended(settings, "crashes", messages + messages[:50])
    # An uninterrupted count says what must come out in the end.
    count_now("crashes")
    after, half, whole = ledger_of(settings, "crashes"), len(messages) // 2, len(messages) + 50
    first = work_on(settings, "crashes", 0, 0, half)
    made = Case(settings, first, work_on(settings, "crashes", 0, half, whole), {}, after)
    made.rewound()
    return replace(made, before=made.ledger())


def test_all_of_a_commit_is_what_an_uninterrupted_count_writes(case: Case) -> None:
    with case.run() as (connection, writer):
        case.work.commit(connection, writer)
    assert case.ledger() == case.after
    assert broken_rules(case.settings, case.election_id) == []
    case.rewound()
    assert case.ledger() == case.before


@pytest.mark.parametrize("once_sent", [False, True], ids=["before it asks", "when it has asked"])
def test_a_worker_killed_at_any_step_leaves_all_or_nothing(case: Case, once_sent: bool) -> None:
    killed = 0
    for step in range(1, MOST_STEPS):
        with case.run() as (_, writer):
            worker = interrupted(case.work, writer, step, signal.SIGKILL, once_sent=once_sent)
            worker.join(30)
        if worker.exitcode == 0:
            break
        assert worker.exitcode == -signal.SIGKILL
        killed += 1
        await_no_worker(case)
        if case.ledger() == case.after:
            # Asked to commit, Postgres did, and nobody heard it.
            assert once_sent
            case.rewound()
        assert case.ledger() == case.before
    assert 10 < killed < MOST_STEPS - 1
    assert case.ledger() == case.after
    case.rewound()


def await_no_worker(case: Case) -> None:
    """Wait until Postgres has noticed that the worker's connection is gone."""
    number = case.work.election.election_number
    with owner(case.settings) as connection:
        for _ in range(200):
            row = connection.execute(
                "select count(*) from pg_stat_activity where application_name like %s", (f"election count {number}/%",)
            ).fetchone()
            if row == (0,):
                return
            time.sleep(0.05)
    raise AssertionError("Postgres still has a connection of a worker that is dead.")


def test_a_worker_stopped_in_its_transaction_neither_delays_nor_disturbs_its_successor(case: Case) -> None:
    stopped = 0
    for step in range(1, MOST_STEPS, 2):
        with case.run("stopped") as (_, writer):
            worker = interrupted(case.work, writer, step, signal.SIGSTOP)
            if not is_stopped(worker):
                break
            started = time.monotonic()
            with case.run("successor") as (connection, successor):
                case.work.commit(connection, successor)
            assert time.monotonic() - started < 5
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGCONT)
        worker.join(30)
        assert worker.exitcode == 1
        assert case.ledger() == case.after
        stopped += 1
        case.rewound()
    assert stopped > 5
    case.rewound()


def is_stopped(worker: ForkServerProcess) -> bool:
    """Wait until a worker is stopped, or done where its commit has fewer steps."""
    while worker.is_alive():
        if Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return True
        time.sleep(0.01)
    return False


def test_an_earlier_epoch_may_no_longer_write_over_any_connection(case: Case) -> None:
    with case.run("earlier") as (earlier_connection, earlier), case.run("later") as (_, later):
        assert later.epoch > earlier.epoch
        with pytest.raises(PermanentError, match=r"Run earlier \(epoch \d+\) may no longer write: run later"):
            case.work.commit(earlier_connection, earlier)
        with (
            case.work.connected(earlier) as connection,
            pytest.raises(PermanentError, match="may no longer write"),
        ):
            case.work.commit(connection, earlier)
    assert case.ledger() == case.before


def test_another_run_of_the_same_epoch_may_not_write(case: Case) -> None:
    with (
        case.run() as (connection, writer),
        pytest.raises(PermanentError, match="may no longer write"),
    ):
        case.work.commit(connection, replace(writer, run_id="an impostor"))
    assert case.ledger() == case.before


def test_after_a_reset_no_run_from_before_it_may_write(case: Case) -> None:
    with case.run("before the reset") as (connection, writer):
        end(connection, writer, "thought to be dead")
        case.rewound()
        with pytest.raises(PermanentError, match="may no longer write"):
            case.work.commit(connection, writer)
    assert case.ledger() == case.before


def test_a_stretch_judged_again_adds_only_what_the_ledger_has_not(case: Case) -> None:
    with case.run() as (connection, writer):
        overlapping = work_on(case.settings, case.election_id, 0, 0, case.work.stretch.start + 40)
        overlapping.commit(connection, writer)
        assert overlapping.commit(connection, writer).messages == 0
        case.first.commit(connection, writer)
        case.work.commit(connection, writer)
    assert case.ledger() == case.after
    case.rewound()


def test_a_gap_after_the_position_stops_the_count(case: Case) -> None:
    start = case.work.stretch.start + 3
    gapped = work_on(case.settings, case.election_id, 0, start, case.work.stretch.end)
    with (
        case.run() as (connection, writer),
        pytest.raises(PermanentError, match=f"read from offset {start}, .* stands at {start - 3}"),
    ):
        gapped.commit(connection, writer)
    assert case.ledger() == case.before


def test_an_unbalanced_batch_cannot_commit(case: Case) -> None:
    # Fewer offsets than messages: the holes would be negative.
    short = replace(case.work, stretch=Stretch(0, case.work.stretch.start, case.work.stretch.end - 5))
    with case.run() as (connection, writer), pytest.raises(PermanentError, match=r"ledger refuses it .*positions"):
        short.commit(connection, writer)
    assert case.ledger() == case.before


def test_a_partition_added_during_the_count_is_left_to_the_next_run(case: Case) -> None:
    added = replace(case.work, stretch=Stretch(7, 0, 10))
    with case.run() as (connection, writer), pytest.raises(TransientError, match="Partition 7 was added"):
        added.commit(connection, writer)
    assert case.ledger() == case.before


def test_a_connection_ended_by_the_database_is_an_error_that_trying_again_mends(case: Case) -> None:
    with case.run() as (_, writer):
        with case.work.connected(writer) as connection:
            with owner(case.settings) as other:
                other.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
            with pytest.raises(TransientError, match="it will be judged again"):
                case.work.commit(connection, writer)
        with case.work.connected(writer) as connection:
            case.work.commit(connection, writer)
    assert case.ledger() == case.after
    case.rewound()


def test_a_heartbeat_that_the_database_interrupts_goes_on_and_one_that_is_superseded_says_so(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spark.runs.HEARTBEAT_SECONDS", 0.1)
    with case.run("beating") as (connection, writer), Heartbeat(case.work.conninfo, writer, lambda: False) as heartbeat:
        time.sleep(0.4)
        with owner(case.settings) as other:
            ended = other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'counter' and query like %s",
                ("update ledger.count_runs set heartbeat_at%",),
            ).fetchall()
        assert ended
        time.sleep(0.5)
        query = "select heartbeat_at > clock_timestamp() - interval '0.4 s' from ledger.count_runs where epoch = %s"
        number = case.work.election.election_number
        row = connection.execute(query + " and election_number = %s", (writer.epoch, number)).fetchone()
        assert row == (True,)
        assert heartbeat.lost is None
        with case.run("usurper"):
            time.sleep(0.5)
        assert heartbeat.lost == "another run has taken over the count"
