"""Claims about engines at another address than loopback: a second host casts to them, and counts on their workers.

The hosts are network namespaces, and the address is one setting, ELECTION_HOST.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from election_assets.settings import PROJECT, read_env_file
from tests.support.hosts import Network, lacking, network

pytestmark = pytest.mark.nightly

ELECTION = str(PROJECT / ".venv" / "bin" / "election")
VOTERS = 3_000


class Hosts:
    """A host with engines, and another one with a count."""

    def __init__(self, made: Network, folder: Path) -> None:
        self.network = made
        self.home = folder / "engines"
        self.elections = folder / "elections"
        self.engines = {"ELECTION_HOME": str(self.home)}
        self.driver = {
            "ELECTION_HOME": str(folder / "driver"),
            "ELECTION_ENV_FILE": str(self.home / "engines.env"),
            "ELECTION_SPARK_DRIVER_HOST": made.addresses["driver"],
        }

    def run(self, host: str, *arguments: str, **variables: str) -> str:
        """Run a command of the count on a host; return what it said."""
        known = self.engines if host == "engines" else self.driver
        settings = [f"{name}={value}" for name, value in {**known, **variables}.items()]
        command = self.network.on(host, ["env", *settings, ELECTION, *arguments])
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A cluster on one host, at its address in the network."""
    if sentence := lacking():
        pytest.skip(sentence)
    with network(["engines", "driver"]) as made:
        found = Hosts(made, tmp_path_factory.mktemp("hosts"))
        started = found.run("engines", "up", "--size", "cluster", ELECTION_HOST=made.addresses["engines"])
        assert f"Postgres is ready on {made.addresses['engines']}:" in started, started
        try:
            yield found
        finally:
            found.run("engines", "down")


def test_the_address_is_remembered_and_no_other_one_is_taken_while_engines_run(hosts: Hosts) -> None:
    address = hosts.network.addresses["engines"]
    values = read_env_file(hosts.home / "engines.env")
    assert values["ELECTION_POSTGRES_HOST"] == address
    assert values["ELECTION_KAFKA_BOOTSTRAP_SERVERS"].count(address) == 3
    assert values["ELECTION_SPARK_MASTER"].startswith(f"spark://{address}:")
    assert f"runs already on {address}:" in hosts.run("engines", "up")
    refused = hosts.run("engines", "up", ELECTION_HOST="127.0.0.1")
    assert "ELECTION_HOST says 127.0.0.1; run `election down` first" in refused


def test_another_host_registers_casts_and_counts_on_their_workers(hosts: Hosts) -> None:
    made = hosts.run("driver", "generate", "far", "--voters", str(VOTERS), "--out", str(hosts.elections / "far"))
    assert "far" in made, made
    folder = str(hosts.elections / "far")
    for arguments in (["register", folder], ["open", "far"], ["cast", folder]):
        said = hosts.run("driver", *arguments)
    ballots = said.split(" ballots cast")[0].split()[-1]
    counted = hosts.run("driver", "count", "far", "--until-idle")
    assert f"{ballots} counted, 0 rejected, 0 quarantined" in counted, counted
    assert len(list(hosts.home.glob("spark-worker-*/data/app-*/*/stderr"))) == 3
    assert '"verdict": "counted"' in hosts.run("driver", "inspect", "far", "0:0")


def test_nothing_but_what_clients_need_can_be_connected_to(hosts: Hosts) -> None:
    values = read_env_file(hosts.home / "engines.env")
    named = [values[f"ELECTION_{name}"] for name in ("POSTGRES_PORT", "KAFKA_BOOTSTRAP_SERVERS", "SPARK_MASTER")]
    named += [value for name, value in values.items() if name.startswith("ELECTION_SPARK_") and "PORT" in name]
    ports = {int(address.rpartition(":")[2]) for line in named for address in line.split(",")}
    assert hosts.network.listening("engines") == ports
