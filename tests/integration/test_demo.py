"""What a newcomer does: the demo, twice, and what can be asked of it afterwards."""

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from dashboard import queries
from election_assets.domain.election import Election
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.settings import Settings
from spark.topic import LogReader
from tests.support import rollups

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
    with LogReader(settings.kafka, settings.results_topic) as log:
        for partition, (start, stop) in log.starts_and_ends().items():
            for message in log.messages_from(partition, start, stop):
                total = json.loads(message.value)
                if total["election_id"] == "adams-2020":
                    totals[total["contest_id"], total["candidate_id"]] = total["total_votes"]
    document = json.loads(run("results", "adams-2020", "--format", "json").stdout)
    assert totals == {(one["contest_id"], one["candidate_id"]): one["vote_count"] for one in document["candidates"]}


@pytest.mark.usefixtures("demo")
def test_results_tell_the_margin_the_precincts_and_whether_a_race_is_decided(run: Run) -> None:
    table = run("results", "adams-2020").stdout
    assert "Margin 19,313 (34.0 points), decided by arithmetic\n50 of 50 precincts fully counted\n" in table
    president = json.loads(run("results", "adams-2020", "--format", "json").stdout)["contests"][0]
    assert (president["margin_count"], president["all_count"], president["is_decided"]) == (19_313, 50, True)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("form", ["table", "json"])
def test_results_that_are_followed_are_shown_again_when_they_change(
    form: str, environment: dict[str, str], run: Run
) -> None:
    command = ["results", "adams-2020", "--follow", "--format", form]
    process = subprocess.Popen(
        [sys.executable, "-m", "election_assets", *command], env=environment, stdout=subprocess.PIPE, text=True
    )
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    assert process.stdout is not None
    assert next((line for line in process.stdout if "Jo Jorgensen" in line and "814" in line), None)
    try:
        assert run("mark", "adams-2020", "certified").returncode == 0
        assert next((line for line in process.stdout if "Jo Jorgensen" in line and "814" in line), None)
    finally:
        run("mark", "adams-2020", "pre_election")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        deadline.cancel()


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("other", [("--format", "csv"), ("--as-of", "2020-11-03T21:30:00-05:00")])
def test_only_tables_and_json_lines_of_now_can_be_followed(other: tuple[str, str], run: Run) -> None:
    done = run("results", "adams-2020", "--follow", *other)
    assert done.returncode == 2
    assert "of now" in done.stderr


@pytest.mark.usefixtures("demo")
def test_the_page_reads_what_the_marts_say(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTION_HOME", environment["ELECTION_HOME"])
    snapshot = queries.load("results", "adams-2020")
    assert "18254" in repr(snapshot)
    assert "72388" in repr(snapshot)


@pytest.mark.usefixtures("demo")
def test_every_official_cell_of_adams_is_in_every_roll_up(settings: Settings) -> None:
    rolled_up_alike(settings, read_election(find_election_folder("adams-2020")))


def rolled_up_alike(settings: Settings, election: Election) -> None:
    """Hold every mart that adds figures up against the sums of the official cells."""
    votes, ballots = rollups.votes(election), rollups.ballots(election)
    (county,) = (one.reporting_unit_id for one in election.reporting_units if one.reporting_unit_type == "county")
    rows = partial(marts_of, settings, election.election_id)
    assert rows("fct_candidate_results", "contest_id, candidate_id, precinct_id, sum(vote_count)", 3) == votes
    assert rows("fct_reconciliation", "contest_id, precinct_id, sum(vote_count)", 2) == rollups.added_up(votes, 0, 2)
    by_candidate = rollups.added_up(votes, 0, 1)
    assert rows("fct_contest_results", "contest_id, candidate_id, sum(vote_count)", 2) == by_candidate
    of_county = f"reporting_unit_id = '{county}'"
    assert rows("fct_area_results", "contest_id, candidate_id, sum(vote_count)", 2, of_county) == by_candidate
    assert rows("fct_contest_totals", "contest_id, sum(vote_count)", 1) == rollups.added_up(votes, 0)
    assert rows("fct_ballots", "precinct_id, sum(ballot_count)", 1) == ballots
    (total,) = rollups.added_up(ballots).values()
    turnout = rows("fct_turnout", "reporting_unit_id, sum(ballot_count)", 1)
    assert turnout == ballots | {(county,): total}
    assert rows("fct_ballots_over_time", "election_id, sum(ballot_count)", 1) == {(election.election_id,): total}
    registered = {
        (one.reporting_unit_id,): one.registered_voter_count
        for one in election.reporting_units
        if one.registered_voter_count is not None
    }
    assert rows("fct_registration", "precinct_id, sum(registered_voter_count)", 1) == registered
    rolled = rows("fct_turnout", "reporting_unit_id, sum(registered_voter_count)", 1)
    assert rolled == registered | {(county,): sum(registered.values())}
    out = rows("fct_race_status", "contest_id, sum(expected_outstanding_count)", 1)
    assert out == {(contest.contest_id,): 0 for contest in election.contests}
    reporting = rows("fct_reporting_progress", "contest_id, sum(all_count - precinct_count)", 1)
    assert reporting == {(contest.contest_id,): 0 for contest in election.contests}


def marts_of(
    settings: Settings, election_id: str, mart: str, columns: str, named: int, place: str = "true"
) -> dict[tuple[str, ...], int]:
    """Read a mart as figures by the first `named` columns."""
    with psycopg.connect(settings.conninfo("reader")) as connection:
        names = ", ".join(str(at) for at in range(1, named + 1))
        query = f"select {columns} from marts.{mart} where election_id = %s and {place} group by {names}"
        return {tuple(row[:-1]): int(row[-1]) for row in connection.execute(query.encode(), (election_id,))}


@pytest.mark.slow
def test_luzerne_is_reproduced_in_every_cell_and_roll_up(run: Run, settings: Settings, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data/openelections/openelections_20201103_pa_luzerne_precinct.csv"
    folder = tmp_path / "luzerne-2020"
    imported = run("import", "openelections", str(source), "--id", "luzerne-2020", "--out", str(folder))
    assert imported.returncode == 0, imported.stderr
    assert "hazle-township-dist-01" in imported.stdout
    done = run("demo", str(folder))
    assert done.stdout.strip().splitlines()[-1] == "5,028 of 5,028 official cells reproduced."
    assert done.returncode == 0
    rolled_up_alike(settings, read_election(folder))


@pytest.mark.slow
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
