"""What can happen to a count: each kind does it once, and returns when whatever it took away is there again.

What the kinds do not start again (a load or a count that has ended) the history does, as whoever runs it would.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.faults.history import PATIENCE, History, awaited
from tests.support.ledger import owner
from tests.support.running import kill_engine

Kind = Callable[[History], None]

NUMBER = "(select election_number from registry.elections where election_id = %s)"


def load_killed(made: History) -> None:
    """The producer dies with messages under way, and what it heard no answer for is sent again."""
    made.load.kill()


def broker_killed(made: History) -> None:
    """Kafka's broker dies."""
    kill_engine(made.settings.home, "kafka")
    made.pause(3)
    made.up()


def broker_stopped(made: History) -> None:
    """Kafka's broker stands still for a while, as in a long garbage collection."""
    stopped([made.engine("kafka")], made.randomly.uniform(1, 8))


def postmaster_killed(made: History) -> None:
    """Postgres dies as a whole: its backends notice that the postmaster is gone."""
    kill_engine(made.settings.home, "postgres")
    made.pause(3)
    made.up()


def postgres_stopped(made: History) -> None:
    """Postgres stands still for a while, in the middle of whatever it does."""
    postmaster = made.engine("postgres")
    stopped([postmaster, *postmaster.children()], made.randomly.uniform(1, 8))


def backend_killed(made: History) -> None:
    """A backend of the count dies, and Postgres starts all of them anew."""
    psutil.Process(made.randomly.choice(backends(made))).kill()


def backend_ended(made: History) -> None:
    """An administrator ends the count's sessions."""
    with owner(made.settings) as connection:
        for pid in backends(made):
            connection.execute("select pg_terminate_backend(%s)", (pid,))


def jvm_killed(made: History) -> None:
    """Spark's JVM dies under the count."""
    made.jvm().kill()


def driver_killed(made: History) -> None:
    """The count's own process dies; its JVM and workers are left to notice it."""
    made.left_behind += made.count.family()[1:]
    made.count.kill()


def worker_killed(made: History) -> None:
    """A Python worker dies in its task."""
    with suppress(psutil.NoSuchProcess):
        made.randomly.choice(made.python_workers()).kill()


def worker_stopped(made: History) -> None:
    """A Python worker stands still for a while, with its transaction open."""
    stopped([made.randomly.choice(made.python_workers())], made.randomly.uniform(1, 8))


def count_stopped_beside_its_successor(made: History) -> None:
    """The whole count stands still, another takes over, and then the first goes on: it may write no more."""
    made.jvm()
    zombie = made.count.family()
    each(zombie, psutil.Process.suspend)
    made.count.replaced()
    beyond = made.log_end()
    made.goes_on(beyond)
    zombie[0].send_signal(signal.SIGUSR1)
    each(zombie, psutil.Process.resume)
    made.left_behind += zombie


def position_locked(made: History) -> None:
    """Somebody holds the lock of a position, in a session that was forgotten."""
    with owner(made.settings) as connection, connection.transaction():
        connection.execute(
            f"select 1 from ledger.positions where election_number = {NUMBER} order by random() limit 1 for update",
            (made.election_id,),
        )
        time.sleep(made.randomly.uniform(1, 12))


def wire_slow(made: History) -> None:
    """Each word between the count and Postgres takes long."""
    made.proxy.delay_seconds = made.randomly.uniform(0.05, 0.3)
    made.pause(8)
    made.proxy.delay_seconds = 0.0


def wire_cut(made: History) -> None:
    """The wire to Postgres is cut, a few times."""
    for _ in range(made.randomly.randint(1, 4)):
        made.proxy.cut()
        made.pause(2)


def commit_unanswered(made: History) -> None:
    """Postgres commits, and nobody hears of it."""
    before = made.proxy.swallowed
    made.proxy.swallow_next_commit()
    await_that(lambda: made.proxy.swallowed > before)


def broker_without_disk(made: History) -> None:
    """The broker may write no more files: what a full disk is to it. It is started again with space."""
    broker = made.engine("kafka")
    limit_files([broker], 4096)
    made.pause(5)
    with suppress(psutil.NoSuchProcess):
        broker.kill()
        broker.wait(30)
    made.up()


def postgres_without_disk(made: History) -> None:
    """Postgres may extend no file: what a full disk is to it. It is started again with space."""
    postmaster = made.engine("postgres")
    limit_files([postmaster, *postmaster.children()], 1 << 20)
    made.pause(5)
    with suppress(psutil.NoSuchProcess):
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
    made.up()


def checkpoint_without_disk(made: History) -> None:
    """The count's JVM may write no file, neither its checkpoint's."""
    jvm = made.jvm()
    limit_files([jvm], 0)
    made.pause(5)
    limit_files([jvm], "unlimited")


def postgres_restored(made: History) -> None:
    """Postgres is lost and put back from the backup that was made when the history began."""
    kill_engine(made.settings.home, "postgres")
    data = made.settings.home / "postgres" / "data"
    shutil.rmtree(data)
    put_back(backup_of(made.settings.home), data)
    made.up()


KINDS: dict[str, Kind] = {kind.__name__: kind for kind in (
    load_killed,
    broker_killed,
    broker_stopped,
    broker_without_disk,
    postmaster_killed,
    postgres_stopped,
    postgres_without_disk,
    postgres_restored,
    backend_killed,
    backend_ended,
    position_locked,
    jvm_killed,
    driver_killed,
    worker_killed,
    worker_stopped,
    count_stopped_beside_its_successor,
    checkpoint_without_disk,
    wire_slow,
    wire_cut,
    commit_unanswered,
)}  # fmt: skip


def backup_of(home: Path) -> Path:
    """Return where a home's backup of Postgres is."""
    return home / "backup" / "postgres"


def put_back(source: Path, target: Path) -> None:
    """Copy a database's files, with their owner, of a server that is down."""
    shutil.copytree(source, target, symlinks=True, copy_function=_copied_with_owner)
    for folder in (source, *(one for one in source.rglob("*") if one.is_dir())):
        _owned_alike(folder, target / folder.relative_to(source))


def _copied_with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target)
    _owned_alike(Path(source), Path(target))


def _owned_alike(source: Path, target: Path) -> None:
    there = source.stat()
    shutil.chown(target, there.st_uid, there.st_gid)
    target.chmod(there.st_mode)


def limit_files(processes: Iterable[psutil.Process], size: int | str) -> None:
    """Let no file of these processes grow beyond a size in bytes."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            # By the process's own user: not even root may limit another's everywhere.
            command = ["prlimit", "--pid", str(one.pid), f"--fsize={size}:"]
            subprocess.run(command, user=one.uids().real, group=one.gids().real, check=False, capture_output=True)
            assert not one.is_running() or one.status() == psutil.STATUS_ZOMBIE or limit_of(one) == str(size)


def limit_of(process: psutil.Process) -> str:
    """Return the size beyond which no file of a process may grow."""
    limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max file size")).split()[3]


def stopped(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Let processes stand still for a while."""
    processes = list(processes)
    each(processes, psutil.Process.suspend)
    time.sleep(seconds)
    each(processes, psutil.Process.resume)


def each(processes: Iterable[psutil.Process], action: Callable[[psutil.Process], object]) -> None:
    """Do it to every process that is still there."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            action(one)


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


def await_that(happened: Callable[[], bool]) -> None:
    """Wait until it has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
