"""What a newcomer does: the demo, twice, and what can be asked of it afterwards."""

import csv
import io
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dashboard import queries
from election_assets.settings import Settings
from spark.topic import LogReader

LAST_LINE = (
    "5,846 of 5,850 official cells reproduced; 4 Ballots Cast cells differ, "
    "all derived from contradictions in the source."
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(environment: dict[str, str]) -> Run:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "election_assets", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture(scope="module")
def demo(run: Run) -> subprocess.CompletedProcess[str]:
    return run("demo", "adams-2020")


def test_the_demo_reproduces_every_official_cell_but_the_four_derived_ones(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert demo.returncode == 0, demo.stderr
    assert demo.stdout.strip().splitlines()[-1] == LAST_LINE
    assert "Turnout 78.7%: 56,939 ballots, of 72,388 registered" in demo.stdout


def test_the_demo_again_counts_nothing_twice_and_shows_the_same(
    demo: subprocess.CompletedProcess[str], run: Run
) -> None:
    again = run("demo", "adams-2020")
    assert again.returncode == 0, again.stderr
    assert again.stdout == demo.stdout
    assert "0 ballots cast" in again.stderr


@pytest.mark.usefixtures("demo")
def test_results_say_the_same_as_csv_and_as_json(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("results", "adams-2020", "--format", "csv").stdout)))
    document = json.loads(run("results", "adams-2020", "--format", "json").stdout)
    assert [int(row["vote_count"]) for row in rows] == [one["vote_count"] for one in document["candidates"]]
    biden = next(row for row in rows if row["candidate_id"] == "joseph-r-biden")
    methods = [int(biden[name]) for name in ("election_day", "mail", "provisional")]
    assert (int(biden["vote_count"]), methods) == (18254, [6611, 11483, 160])


@pytest.mark.usefixtures("demo")
def test_reconcile_names_the_cells_that_differ(run: Run) -> None:
    done = run("reconcile", "adams-2020", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["sentence"] == LAST_LINE
    cells = {(one["precinct_id"], one["method"], one["official"], one["ours"]) for one in found["differing"]}
    assert cells == {
        ("carroll-valley-1", "mail", 432, 440),
        ("carroll-valley-1", "total", 1417, 1425),
        ("cumberland-2", "mail", 258, 259),
        ("cumberland-2", "total", 897, 898),
    }


@pytest.mark.usefixtures("demo")
def test_a_figure_that_is_wrong_by_one_makes_reconcile_say_no(run: Run, settings: Settings) -> None:
    change = (
        "update ledger.tallies set vote_count = vote_count + %s where ctid = (select ctid from ledger.tallies"
        " where election_number = (select election_number from registry.elections where election_id = 'adams-2020')"
        " order by contest_number, candidate_number, precinct_number, method_number, partition limit 1)"
    )
    with psycopg.connect(settings.conninfo("owner"), autocommit=True) as connection:
        connection.execute(change, (1,))
        try:
            done = run("reconcile", "adams-2020")
        finally:
            connection.execute(change, (-1,))
    assert done.returncode == 1
    assert "only 4 of them derived" in done.stdout


@pytest.mark.usefixtures("demo")
def test_an_auditor_sees_a_message_and_its_verdict(run: Run) -> None:
    found = json.loads(run("inspect", "adams-2020", "0:0").stdout)
    assert found["verdict"] == "counted"
    assert json.loads(found["value"])["voter_id"] == found["key"]
    for place in ("0:99999999", "77:0", "first"):
        assert run("inspect", "adams-2020", place).returncode == 2


@pytest.mark.usefixtures("demo")
def test_the_results_topic_ends_at_the_ledgers_totals(run: Run, settings: Settings) -> None:
    totals = {}
    with LogReader(settings.bootstrap_servers, settings.results_topic) as log:
        for partition, (start, stop) in log.starts_and_ends().items():
            for message in log.messages_from(partition, start, stop):
                total = json.loads(message.value)
                if total["election_id"] == "adams-2020":
                    totals[total["contest_id"], total["candidate_id"]] = total["total_votes"]
    document = json.loads(run("results", "adams-2020", "--format", "json").stdout)
    assert totals == {(one["contest_id"], one["candidate_id"]): one["vote_count"] for one in document["candidates"]}


@pytest.mark.usefixtures("demo")
def test_following_the_results_shows_each_candidates_total(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "election_assets", "results", "adams-2020", "--follow"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    assert process.stdout is not None
    found = next((line for line in process.stdout if "Jo Jorgensen" in line and "814" in line), None)
    process.terminate()
    process.wait()
    deadline.cancel()
    assert found


@pytest.mark.usefixtures("demo")
def test_the_page_reads_what_the_marts_say(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTION_HOME", environment["ELECTION_HOME"])
    snapshot = queries.load("adams-2020")
    assert "18254" in repr(snapshot)
    assert "72388" in repr(snapshot)


@pytest.mark.slow
def test_luzerne_is_reproduced_in_every_cell(run: Run, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data/openelections/openelections_20201103_pa_luzerne_precinct.csv"
    folder = tmp_path / "luzerne-2020"
    imported = run("import", "openelections", str(source), "--id", "luzerne-2020", "--out", str(folder))
    assert imported.returncode == 0, imported.stderr
    assert "hazle-township-dist-01" in imported.stdout
    done = run("demo", str(folder))
    assert done.stdout.strip().splitlines()[-1] == "5,028 of 5,028 official cells reproduced."
    assert done.returncode == 0


@pytest.mark.usefixtures("demo")
def test_a_count_without_java_is_one_sentence(environment: dict[str, str], run: Run, tmp_path: Path) -> None:
    assert run("reset", "adams-2020").returncode == 0
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        [sys.executable, "-m", "election_assets", "count", "adams-2020", "--until-idle"],
        env={name: value for name, value in environment.items() if name != "JAVA_HOME"} | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Java 17 or newer is needed" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("count", "adams-2020", "--until-idle").returncode == 0
