"""Claims about a cluster on one host: whatever node, worker or driver dies, the ledger is the local count's."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from election_assets.casting import cast
from election_assets.counting import reset_election
from election_assets.domain.synthetic import generate_election
from election_assets.domain.topics import votes_topic_of
from election_assets.schema import install_schema
from election_assets.settings import Settings
from engines import stack
from engines.errors import EnginesError
from engines.home import Home
from spark.topic import topic_facts
from tests.support.elections import made_election
from tests.support.ledger import Rows, broken_rules, ledger_of, positions_of
from tests.support.log import appended, opened
from tests.support.mixture import mixture
from tests.support.running import aged_heartbeat, await_position, counting_process, kill_engine

ELECTION, NIGHT = "on-a-cluster", "night-on-a-cluster"
# The master gives a count three cores, which is fewer than these.
PARTITIONS = 4
LIMIT = 200
# Three machines' servers on two cores, and others beside them.
PATIENCE = 300.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Settings]:
    """The settings of a started cluster with the schema in place; stopped and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="election-cluster-"))
    folder.chmod(0o755)
    home = Home(folder)
    try:
        stack.up(home, size=stack.Size.CLUSTER)
        settings = Settings.from_environment({"ELECTION_HOME": str(folder)})
        install_schema(settings.conninfo("owner"))
        yield settings
    finally:
        stack.down(home)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def local(cluster: Settings) -> dict[str, Rows]:
    """The ledger of a count in one process of this host."""
    election = made_election(ELECTION, voters_each=200, partition_count=PARTITIONS)
    opened(cluster, election)
    appended(cluster, ELECTION, [one.message for one in mixture(election, seed=7)])
    counted(cluster, ELECTION, ELECTION_SPARK_MASTER="local[2]")
    return ledger_of(cluster, ELECTION)


@pytest.fixture
def emptied(cluster: Settings, local: dict[str, Rows]) -> dict[str, Rows]:
    """All servers running and the ledger emptied, to be counted again into what is returned."""
    stack.up(Home(cluster.home))
    aged_heartbeat(cluster, ELECTION)
    reset_election(cluster, ELECTION)
    return local


def environment(settings: Settings, **variables: str) -> dict[str, str]:
    """Return the environment of a command on the cluster, which finds the Spark master in the home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELECTION_")}
    return {**kept, "ELECTION_HOME": str(settings.home), **variables}


def counted(settings: Settings, election_id: str, **variables: str) -> None:
    """Count as the command line does, to the end."""
    aged_heartbeat(settings, election_id)
    done = subprocess.run(
        [sys.executable, "-m", "election_assets", "count", election_id, "--until-idle"],
        env=environment(settings, **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert broken_rules(settings, election_id) == []


def executors(settings: Settings) -> dict[int, set[Path]]:
    """Return worker → folders of the executors it has run."""
    homes = {int(one.name.rpartition("-")[2]): one for one in settings.home.glob("spark-worker-*") if one.is_dir()}
    return {number: set(home.glob("data/app-*/*")) for number, home in homes.items()}


def active_controller(settings: Settings) -> int:
    """Return the node that leads the quorum, by what the nodes have written down."""
    files = settings.home.glob("kafka-*/data/__cluster_metadata-0/quorum-state")
    known = [json.loads(file.read_text()) for file in files]
    return int(max(known, key=lambda one: (one["leaderEpoch"], one["leaderId"]))["leaderId"])


@pytest.mark.slow
def test_every_server_is_a_process_of_its_own_and_healthy(cluster: Settings) -> None:
    found = stack.health(Home(cluster.home))
    assert [one.name for one in found] == [
        "postgres",
        *(f"kafka-{number}" for number in (1, 2, 3)),
        "spark-master",
        *(f"spark-worker-{number}" for number in (1, 2, 3)),
    ]
    assert {one.health for one in found} == {"healthy"}
    assert len({one.pid for one in found}) == len({one.address for one in found}) == len(found)
    with pytest.raises(EnginesError, match="is of size cluster, and laptop was asked for"):
        stack.up(Home(cluster.home), size=stack.Size.LAPTOP)


@pytest.mark.slow
def test_a_count_on_the_workers_is_the_local_one_though_partitions_outnumber_its_cores(
    cluster: Settings, emptied: dict[str, Rows]
) -> None:
    facts = topic_facts(cluster.kafka, votes_topic_of(ELECTION))
    assert facts is not None
    assert (facts.replicas, facts.config["min.insync.replicas"], facts.broker_count) == (3, "2", 3)
    before = executors(cluster)
    counted(cluster, ELECTION)
    assert ledger_of(cluster, ELECTION) == emptied
    assert all(executors(cluster)[number] - before[number] for number in (1, 2, 3))


@pytest.mark.nightly
def test_a_killed_worker_changes_no_row(cluster: Settings, emptied: dict[str, Rows]) -> None:
    whole = positions_of_ledger(emptied)
    with counting_process(environment(cluster), ELECTION, LIMIT) as count:
        await_position(cluster, ELECTION, LIMIT, PATIENCE)
        kill_engine(cluster.home, "spark-worker-2")
        await_position(cluster, ELECTION, whole, PATIENCE)
        assert count.wait(PATIENCE) == 0
    assert ledger_of(cluster, ELECTION) == emptied
    assert broken_rules(cluster, ELECTION) == []


@pytest.mark.nightly
def test_a_count_after_a_killed_driver_goes_on_with_workers_added_and_cores_to_spare(
    cluster: Settings, emptied: dict[str, Rows]
) -> None:
    with counting_process(environment(cluster), ELECTION, LIMIT) as count:
        await_position(cluster, ELECTION, LIMIT, PATIENCE)
        psutil.Process(count.pid).kill()
        count.wait(10)
    assert positions_of(cluster, ELECTION)["next_offset"] < positions_of_ledger(emptied)
    stack.up(Home(cluster.home), spark_workers=5)
    before = executors(cluster)
    counted(cluster, ELECTION, ELECTION_SPARK_CORES="5")
    assert ledger_of(cluster, ELECTION) == emptied
    assert all(executors(cluster)[number] - before[number] for number in (4, 5))


@pytest.mark.nightly
def test_no_acknowledged_ballot_is_lost_when_a_broker_and_the_quorums_leader_die(cluster: Settings) -> None:
    stack.up(Home(cluster.home))
    election = generate_election(NIGHT, 6_000, seed=3)
    opened(cluster, election)
    leader = active_controller(cluster)
    follower = next(node for node in (1, 2, 3) if node != leader)
    reached: dict[int, threading.Event] = {part: threading.Event() for part in (1, 2)}

    def report(done: int, total: int) -> None:
        for part, event in reached.items():
            if done > total * part / 3:
                event.set()

    def outages() -> None:
        reached[1].wait(PATIENCE)
        kill_engine(cluster.home, f"kafka-{leader}")
        reached[2].wait(PATIENCE)
        moved.append(active_controller(cluster))
        stack.up(Home(cluster.home))
        kill_engine(cluster.home, f"kafka-{follower}")

    moved: list[int] = []
    killer = threading.Thread(target=outages)
    with counting_process(environment(cluster), NIGHT, 1_000, idle_seconds=3600) as count:
        # The outages are to meet a count that is under way.
        cast(cluster, election, limit=500)
        await_position(cluster, NIGHT, 500, PATIENCE, count)
        killer.start()
        done = cast(cluster, election, rate=150, wait_seconds=PATIENCE, report=report)
        killer.join()
        assert moved[0] != leader
        assert (done.already_in_log, done.sent) == (500, done.total - 500)
        await_position(cluster, NIGHT, done.total, PATIENCE, count)
        assert count.poll() is None
    assert positions_of(cluster, NIGHT)["counted"] == done.total
    on_the_night = ledger_of(cluster, NIGHT)
    stack.up(Home(cluster.home))
    aged_heartbeat(cluster, NIGHT)
    reset_election(cluster, NIGHT)
    counted(cluster, NIGHT)
    assert ledger_of(cluster, NIGHT) == on_the_night


def positions_of_ledger(ledger: dict[str, Rows]) -> int:
    """Return how many messages a ledger has judged."""
    return sum(row[1] for row in ledger["positions"])
