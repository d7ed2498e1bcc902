"""Claims about loading on real engines: good rows go in once, bad ones are listed, and what is open stays as it is."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from election_assets.dbt import current_manifest
from election_assets.definitions import build_definitions
from election_assets.errors import PermanentError, TransientError
from election_assets.loading import Kind, load
from election_assets.opening import open_election
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.elections import Voter, made_election, roll_of
from tests.support.ledger import owner
from tests.support.loading import (
    BAD_VOTERS,
    HEADER,
    VOTERS,
    ballot_line,
    listed,
    registered,
    roll_size,
    rows_of,
    votes_for_mayor,
    written,
)
from tests.support.log import opened

Count = Callable[..., CountFigures]


def test_good_voters_are_loaded_and_bad_ones_listed(settings: Settings, tmp_path: Path) -> None:
    registered(settings, "load-voters")
    done = load(settings, "voters", "load-voters", written(tmp_path, VOTERS))
    assert (done.loaded, done.bad) == (3, 4)
    assert listed(done) == BAD_VOTERS
    assert done.reasons == {reason: 1 for _, reason in BAD_VOTERS}
    new = [row for row in rows_of(settings, "load-voters", "voter_id, age_group, gender", "voters", "voter_id")
           if row[0].startswith("new")]  # fmt: skip
    assert new == [("new-1", "45-54", "female"), ("new-2", "65+", "unknown"), ("new-4", "35-44", "unknown")]


def test_what_is_personal_goes_to_the_profiles_and_to_an_error_file_of_its_owner(
    settings: Settings, tmp_path: Path
) -> None:
    registered(settings, "load-personal")
    done = load(settings, "voters", "load-personal", written(tmp_path, VOTERS))
    profiles = rows_of(settings, "load-personal", "voter_id, full_name, address", "voter_profiles", "voter_id")
    assert [row for row in profiles if row[0].startswith("new")] == [("new-1", "Ann Example", "1 Secret Street")]
    assert done.errors is not None
    assert stat.S_IMODE(done.errors.stat().st_mode) == 0o600
    assert "2 Secret Street" in done.errors.read_text()
    assert "Secret" not in done.sentence()


def test_loading_again_reports_each_row_as_a_duplicate_and_loads_nothing_twice(
    settings: Settings, tmp_path: Path
) -> None:
    registered(settings, "load-again")
    file = written(tmp_path, VOTERS[:2])
    load(settings, "voters", "load-again", file)
    size = roll_size(settings, "load-again")
    again = load(settings, "voters", "load-again", file)
    assert (again.loaded, again.reasons) == (0, {"duplicate": 2})
    assert again.errors is not None
    assert "Voter 'new-1' is on the roll already." in again.errors.read_text()
    assert roll_size(settings, "load-again") == size


def test_a_voter_is_named_once_however_far_apart_the_lines_are(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("election_assets.loading.sieve.LOT", 2)
    registered(settings, "load-lots")
    done = load(
        settings, "voters", "load-lots", written(tmp_path, [VOTERS[0], VOTERS[1], VOTERS[3], VOTERS[0], VOTERS[3]])
    )
    assert (done.loaded, listed(done)) == (3, [(5, "duplicate"), (6, "duplicate")])
    assert done.errors is not None
    assert "Voter 'new-1' stands in an earlier line already." in done.errors.read_text()


@pytest.mark.parametrize("kind", ["voters", "candidates"])
def test_strictly_one_bad_row_keeps_all_others_out(settings: Settings, tmp_path: Path, kind: Kind) -> None:
    election_id = f"load-strict-{kind}"
    registered(settings, election_id)
    header, rows = {
        "voters": (HEADER, [VOTERS[0], VOTERS[2]]),
        "candidates": ("contest_id,candidate_id,candidate_name", ["mayor,dora,Dora", "sheriff,dora,Dora"]),
    }[kind]
    size = roll_size(settings, election_id)
    done = load(settings, kind, election_id, written(tmp_path, rows, header=header), strict=True)
    assert (done.loaded, done.bad, len(listed(done))) == (0, 1, 1)
    assert roll_size(settings, election_id) == size
    assert load(settings, kind, election_id, written(tmp_path, rows[:1], header=header), strict=True).loaded == 1


def test_an_interrupted_load_loads_nothing_and_is_done_again(settings: Settings, tmp_path: Path) -> None:
    registered(settings, "load-interrupted")
    size = roll_size(settings, "load-interrupted")

    def interruption(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(settings, "voters", "load-interrupted", written(tmp_path, VOTERS), report=interruption)
    assert roll_size(settings, "load-interrupted") == size
    assert load(settings, "voters", "load-interrupted", written(tmp_path, VOTERS)).loaded == 3


def test_while_a_load_runs_nobody_opens_the_election(settings: Settings, tmp_path: Path) -> None:
    registered(settings, "load-held")

    def try_to_open(_done: int, _total: int) -> None:
        with (
            psycopg.connect(settings.conninfo("registrar")) as connection,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            connection.execute("select 1 from registry.elections where election_id = 'load-held' for update nowait")

    load(settings, "voters", "load-held", written(tmp_path, VOTERS), report=try_to_open)


def test_loaded_voters_and_candidates_are_opened_voted_and_counted(
    settings: Settings, tmp_path: Path, count_now: Count
) -> None:
    election = registered(settings, "load-road")
    load(settings, "voters", "load-road", written(tmp_path, VOTERS))
    done = load(
        settings,
        "candidates",
        "load-road",
        written(
            tmp_path,
            [
                '{"contest_id": "mayor", "candidate_id": "dora", "candidate_name": "Dora", "party": "IND"}',
                '{"contest_id": "mayor", "candidate_id": "others", "candidate_name": "Others", "is_write_in": true}',
                '{"contest_id": "mayor", "candidate_id": "ann", "candidate_name": "Ann"}',
            ],
            "candidates.jsonl",
        ),
    )
    assert (done.loaded, listed(done)) == (2, [(3, "duplicate")])
    open_election(settings, "load-road")
    voters = [Voter("new-1", "north", "full"), Voter("new-2", "south", "short"), roll_of(election)[0]]
    lines = [ballot_line(election, one, mayor=[who]) for one, who in zip(voters, ("dora", "dora", "ann"), strict=True)]
    assert load(settings, "ballots", "load-road", written(tmp_path, lines, "ballots.jsonl")).loaded == 3
    assert count_now("load-road").counted == 3
    # Candidates are numbered in the order of the ballot paper: Ann is the first, Dora the fourth.
    assert votes_for_mayor(settings, "load-road") == {1: 1, 4: 2}


@pytest.mark.parametrize(
    ("kind", "state", "said"),
    [
        ("voters", "unknown", "`election register load-unknown` comes first"),
        ("candidates", "unknown", "`election register load-unknown` comes first"),
        ("ballots", "unknown", "`election register load-unknown` comes first"),
        ("voters", "open", "load them before `election open`"),
        ("candidates", "open", "load them before `election open`"),
        ("ballots", "draft", "`election open load-draft` comes first"),
    ],
)
def test_an_election_that_takes_no_such_rows_is_one_sentence_with_the_remedy(
    settings: Settings, tmp_path: Path, kind: Kind, state: str, said: str
) -> None:
    if state == "open":
        opened(settings, made_election("load-open", voters_each=3))
    elif state == "draft":
        registered(settings, "load-draft")
    with pytest.raises(PermanentError, match=said):
        load(settings, kind, f"load-{state}", written(tmp_path, VOTERS))


def test_what_postgres_refuses_is_told_without_repeating_anybodys_row(settings: Settings, tmp_path: Path) -> None:
    registered(settings, "load-refused")
    with owner(settings) as connection:
        connection.execute(
            "insert into registry.voter_profiles (election_number, voter_id, full_name)"
            " select election_number, 'new-1', 'Somebody' from registry.elections where election_id = 'load-refused'"
        )
    with pytest.raises(PermanentError, match=r"Postgres did not take .*duplicate key") as error:
        load(settings, "voters", "load-refused", written(tmp_path, VOTERS))
    assert "Secret" not in str(error.value)
    assert error.value.__suppress_context__
    assert not any(row[0].startswith("new") for row in rows_of(settings, "load-refused", "voter_id", "voters", "1"))


def test_a_database_that_goes_away_is_worth_another_attempt(settings: Settings, tmp_path: Path) -> None:
    registered(settings, "load-away")

    def kill(_done: int, _total: int) -> None:
        with owner(settings) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'registrar' and state = 'idle in transaction'"
            )

    with pytest.raises(TransientError, match="nothing is loaded"):
        load(settings, "voters", "load-away", written(tmp_path, VOTERS), report=kill)
    assert load(settings, "voters", "load-away", written(tmp_path, VOTERS)).loaded == 3


def test_places_that_cannot_be_are_refused_before_anything_is_done(settings: Settings, tmp_path: Path) -> None:
    file = written(tmp_path, VOTERS)
    for place in (file, tmp_path, Path("/dev/null")):
        with pytest.raises(PermanentError, match="cannot be the error file"):
            load(settings, "voters", "load-places", file, errors=place)
    for missing in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(PermanentError, match="cannot be read"):
            load(settings, "voters", "load-places", missing)
    assert file.read_text().startswith(HEADER)


def command(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "election_assets", "load", *map(str, arguments)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_the_command_says_both_counts_and_where_bad_rows_are(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    registered(settings, "load-command")
    file, place = written(tmp_path, VOTERS), tmp_path / "bad.csv"
    some = command(environment, "voters", file, "--election", "load-command", "--errors", place, "--json")
    assert some.returncode == 1, some.stderr
    found = json.loads(some.stdout)
    assert (found["loaded"], found["bad"], found["errors"], found["kind"]) == (3, 4, str(place), "voters")
    assert f"3 voters of {file} loaded into the registry of load-command; 4 rows are bad" in some.stderr
    assert str(place) in some.stderr
    candidates = written(
        tmp_path, ["mayor,dora,Dora"], "candidates.csv", header="contest_id,candidate_id,candidate_name"
    )
    all_good = command(environment, "candidates", candidates, "--election", "load-command", "--strict")
    assert (all_good.returncode, all_good.stdout) == (0, ""), all_good.stderr
    assert "1 candidates" in all_good.stderr
    refused = command(environment, "ballots", file, "--election", "load-command")
    assert refused.returncode == 2
    assert "`election open load-command` comes first" in refused.stderr
    assert "Traceback" not in some.stderr + all_good.stderr + refused.stderr


def test_the_asset_says_what_was_loaded_and_links_the_error_file(
    settings: Settings, engines_home: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    registered(settings, "load-asset")
    manifest = json.loads(current_manifest(engines_home, environment).read_bytes())
    job = build_definitions(environment, manifest).resolve_job_def("load_file_job")
    file = written(tmp_path, VOTERS)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", ["load-asset"])

        def run(**config: Any) -> dg.ExecuteInProcessResult:
            return job.execute_in_process(
                instance=instance,
                partition_key="load-asset",
                run_config={"ops": {"registry__loaded_files": {"config": {"file": str(file), **config}}}},
                raise_on_error=False,
            )

        strict, usual = run(strict=True), run(kind="voters")
    (failure,) = [event.step_failure_data for event in strict.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.metadata["bad"].value == 4
    assert [event for event in strict.all_events if event.is_step_up_for_retry] == []
    (loaded,) = usual.asset_materializations_for_node("registry__loaded_files")
    figures = loaded.metadata
    assert (figures["loaded"].value, figures["bad"].value) == (3, 4)
    assert figures["errors"] == dg.MetadataValue.path(file.with_name("voters.errors.csv"))
