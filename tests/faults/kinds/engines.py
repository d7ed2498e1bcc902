"""What can happen to Kafka's broker and to Postgres."""

import signal
import time
from contextlib import suppress

import psutil

from tests.faults.harm import limit_files, stopped
from tests.faults.history import PATIENCE, History, awaited
from tests.support.ledger import owner
from tests.support.log import opened
from tests.support.running import kill_engine

NUMBER = "(select election_number from registry.elections where election_id = %s)"


def broker_killed(made: History) -> None:
    """Kafka's broker dies."""
    kill_engine(made.settings.home, "kafka")
    made.pause(3)
    made.place.up()


def broker_stopped(made: History) -> None:
    """Kafka's broker stands still for a while, as in a long garbage collection."""
    stopped([made.engine("kafka")], made.randomly.uniform(1, 8))


def broker_without_disk(made: History) -> None:
    """The broker may write no more files: what a full disk is to it. It is started again with space."""
    broker = made.engine("kafka")
    limit_files([broker], 4096)
    made.pause(5)
    with suppress(psutil.NoSuchProcess):
        broker.kill()
        broker.wait(30)
    made.place.up()


def postmaster_killed(made: History) -> None:
    """Postgres dies as a whole: its backends notice that the postmaster is gone."""
    kill_engine(made.settings.home, "postgres")
    made.pause(3)
    made.place.up()


def postgres_stopped(made: History) -> None:
    """Postgres stands still for a while, in the middle of whatever it does."""
    postmaster = made.engine("postgres")
    stopped([postmaster, *postmaster.children()], made.randomly.uniform(1, 8))


def postgres_without_disk(made: History) -> None:
    """Postgres may extend no file: what a full disk is to it. It is started again with space."""
    postmaster = made.engine("postgres")
    limit_files([postmaster, *postmaster.children()], 1 << 20)
    made.pause(5)
    with suppress(psutil.NoSuchProcess):
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
    made.place.up()


def postgres_restored(made: History) -> None:
    """Postgres is lost and put back from the backup that was made when the history began."""
    kill_engine(made.settings.home, "postgres")
    made.place.put_back("opened")
    made.place.up()


def postgres_restored_from_before_opening(made: History) -> None:
    """Postgres is lost and put back from a backup that has never heard of the election: it is opened once more."""
    kill_engine(made.settings.home, "postgres")
    made.place.put_back("before opening")
    made.place.up()
    opened(made.settings, made.election)


def backend_killed(made: History) -> None:
    """A backend of the count dies, and Postgres starts all of them anew."""
    psutil.Process(made.randomly.choice(backends(made))).kill()


def backend_ended(made: History) -> None:
    """An administrator ends the count's sessions."""
    with owner(made.settings) as connection:
        for pid in backends(made):
            connection.execute("select pg_terminate_backend(%s)", (pid,))


def position_locked(made: History) -> None:
    """Somebody holds the lock of a position, in a session that was forgotten."""
    with owner(made.settings) as connection, connection.transaction():
        connection.execute(
            f"select 1 from ledger.positions where election_number = {NUMBER} order by random() limit 1 for update",
            (made.election_id,),
        )
        time.sleep(made.randomly.uniform(1, 12))


def backends(made: History) -> list[int]:
    """Return the pids of the count's sessions, once there are some."""

    def found() -> list[int]:
        with owner(made.settings) as connection:
            rows = connection.execute("select pid from pg_stat_activity where usename = 'counter' order by pid")
            pids = [pid for (pid,) in rows]
        if not pids:
            raise StopIteration
        return pids

    return awaited(found, PATIENCE)
