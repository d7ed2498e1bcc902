"""Claims about exports of counted elections: what the files say is what the marts say, and others can read them."""

import csv
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import psycopg
import pyarrow.parquet as pq
import pytest

from election_assets.assets.exports import evidence_bundle, published_results
from election_assets.casting import cast
from election_assets.corrections import Adjustment, adjust
from election_assets.domain.election import Method, Publish
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.exports import Format, reading
from election_assets.exports.exporting import export_election
from election_assets.openelections import import_openelections
from election_assets.registry import register
from election_assets.resources.lazy_settings import LazySettings
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.exports import with_names
from tests.support.log import appended, opened

SCHEMA = Path(__file__).parents[1] / "data/schemas/NIST_V2_election_results_reporting.json"
FORMULA = '=HYPERLINK("http://example","Ann")'
ADAMS = replace(read_election(find_election_folder("adams-2020")), election_id="adams-exported")
MADE = with_names(
    made_election("exported"), "mayor", (FORMULA, "🗳️", False), ("מועמד", None, False), ("Write-ins", None, True)
)
LATER = made_election(
    "exported-later",
    publish=Publish.AT_CLOSE,
    opens_at=datetime.now(UTC) - timedelta(hours=1),
    closes_at=datetime.now(UTC) + timedelta(hours=5),
)
TABLES = ("results", "contests", "ballots", "turnout", "history")
BUNDLE = {
    "README.md", "SHA256SUMS", "election.json", "verification.json", "exported.nist.json",
    "20261103__general__exported__precinct.csv",
    *(f"{table}.csv" for table in TABLES),
    *(f"{table}.parquet" for table in TABLES),
}  # fmt: skip

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
Counted = Callable[..., CountFigures]


@pytest.fixture(scope="module")
def counted(settings: Settings, count_now: Counted, marts: Callable[[], None]) -> Settings:
    """A made election with a correction, one that publishes at its close, a draft, and Adams County as replayed."""
    opened(settings, MADE)
    vote(settings, "exported", 0, 30)
    correction = Adjustment("one", "mayor", "bob", "north", Method.MAIL, 2, "A late envelope.", "Board of elections")
    adjust(settings.conninfo("registrar"), "exported", correction)
    opened(settings, LATER)
    ballots = [draft(LATER, voter, {"mayor": ["ann"]}).message() for voter in roll_of(LATER)[:10]]
    appended(settings, LATER.election_id, ballots)
    opened(settings, ADAMS)
    cast(settings, ADAMS)
    register(settings.conninfo("registrar"), made_election("exported-draft"))
    for election in (MADE, LATER, ADAMS):
        count_now(election.election_id)
    marts()
    return settings


def vote(settings: Settings, election_id: str, start: int, stop: int) -> None:
    choices: list[dict[str, list[str]]] = [
        {"mayor": ["ann"], "council": ["dan", "eve"]},
        {"mayor": ["bob", "cleo"], "council": ["dan"]},
    ]
    voters = [voter for voter in roll_of(MADE) if voter.ballot_style_id != "bridge-only"][start:stop]
    ballots = [draft(MADE, voter, choices[at % 2]).message() for at, voter in enumerate(voters)]
    appended(settings, election_id, ballots)


@pytest.fixture(scope="module")
def run(environment: dict[str, str]) -> Run:
    def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "election_assets", "export", *arguments],
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture(scope="module")
def exported(counted: Settings, run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[Format, list[Path]]:
    """The made election in all formats, by the command line; each file as it was printed."""
    out = tmp_path_factory.mktemp("exported")
    files = {}
    for form in Format:
        done = run("exported", "--format", form.value, "--out", str(out))
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("exported as of position 30: ")
        printed = [line.split("  ", 1) for line in done.stdout.splitlines()]
        assert [hashlib.sha256(Path(path).read_bytes()).hexdigest() for _, path in printed] == [
            one for one, _ in printed
        ]
        files[form] = [Path(path) for _, path in printed]
    return files


def rows(settings: Settings, query: str, election_id: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.conninfo("reader")) as connection:
        return connection.execute(query.encode(), (election_id,)).fetchall()


def report_of(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return report


def votes_in(report: dict[str, Any], candidate: Callable[[dict[str, Any], dict[str, Any]], str]) -> Counter[str]:
    """Add up the votes of precincts by method, `contest/candidate` by names."""
    precincts = {one["@id"] for one in report["GpUnit"] if one["Type"] == "precinct"}
    names = {one["@id"]: one for one in report["Election"][0]["Candidate"]}
    found: Counter[str] = Counter()
    for contest in report["Election"][0]["Contest"]:
        for selection in contest["ContestSelection"]:
            name = candidate(selection, names)
            for one in selection["VoteCounts"]:
                if one["GpUnitId"] in precincts and one["Type"] != "total":
                    found[f"{contest['Name']}/{name}"] += one["Count"]
    return found


def named(selection: dict[str, Any], names: dict[str, Any]) -> str:
    text = selection.get("Selection") or names[selection["CandidateIds"][0]]["BallotName"]
    return str(text["Text"][0]["Content"])


@pytest.mark.parametrize("election_id", ["exported", "adams-exported"])
def test_the_nist_report_is_valid_and_adds_up_to_the_marts(election_id: str, counted: Settings, tmp_path: Path) -> None:
    (file,) = export_election(counted, election_id, [Format.NIST], tmp_path).files
    report = report_of(file.path)
    totals = rows(
        counted,
        "select contest_name || '/' || candidate_name, adjusted_vote_count from marts.fct_contest_results"
        " join marts.dim_contests using (election_id, contest_id)"
        " join marts.dim_candidates using (election_id, contest_id, candidate_id) where election_id = %s",
        election_id,
    )
    assert votes_in(report, named) == dict(totals)
    others = rows(
        counted,
        "select contest_name, undervote_count, overvote_count from marts.fct_contest_totals"
        " join marts.dim_contests using (election_id, contest_id) where election_id = %s",
        election_id,
    )
    whole = {contest["Name"]: contest["OtherCounts"][0] for contest in report["Election"][0]["Contest"]}
    assert {name: (one["Undervotes"], one["Overvotes"]) for name, one in whole.items()} == {
        name: (under, over) for name, under, over in others
    }
    ((ballots,),) = rows(counted, "select sum(ballot_count) from marts.fct_ballots where election_id = %s", election_id)
    first = report["Election"][0]["BallotCounts"][0]
    assert (first["Type"], first["BallotsCast"]) == ("total", ballots)
    ((status, registry_hash),) = rows(
        counted, "select status, registry_hash from marts.dim_elections where election_id = %s", election_id
    )
    assert report["Status"] == status.replace("_", "-")
    assert registry_hash in {one["Value"] for one in report["ExternalIdentifier"]}


def test_the_registrys_hash_is_the_one_that_was_frozen(counted: Settings) -> None:
    with psycopg.connect(counted.conninfo("owner")) as connection:
        frozen = connection.execute("select election_id, registry_hash from registry.elections").fetchall()
    with psycopg.connect(counted.conninfo("reader")) as connection:
        told = connection.execute("select election_id, registry_hash from marts.dim_elections").fetchall()
    assert dict(told) == dict(frozen)
    assert dict(told)["exported-draft"] is None


def test_tables_say_what_the_marts_say(counted: Settings, exported: dict[Format, list[Path]]) -> None:
    tables = {path.stem: path for path in exported[Format.CSV]}
    with tables["results"].open(encoding="utf-8", newline="") as file:
        results = list(csv.DictReader(file))
    expected = rows(
        counted,
        "select contest_id, candidate_id, precinct_id, method, vote_count, adjustment_count, adjusted_vote_count,"
        " position from marts.fct_candidate_results where election_id = %s",
        "exported",
    )
    columns = ("contest_id", "candidate_id", "precinct_id", "method")
    figures = ("vote_count", "adjustment_count", "adjusted_vote_count", "position")
    read = {(*(row[name] for name in columns), *(int(row[name]) for name in figures)) for row in results}
    assert len(results) == len(expected)
    assert read == set(expected)
    assert {row["candidate_name"] for row in results} >= {f"'{FORMULA}", "מועמד"}
    for path in exported[Format.PARQUET]:
        with tables[path.stem].open(encoding="utf-8", newline="") as file:
            assert len(list(csv.DictReader(file))) == pq.read_table(path).num_rows > 0
    history = pq.read_table({path.stem: path for path in exported[Format.PARQUET]}["history"]).to_pylist()
    assert {row["candidate_name"]: row["adjusted_vote_count"] for row in history}["מועמד"] == 2
    turnout = pq.read_table({path.stem: path for path in exported[Format.PARQUET]}["turnout"]).to_pylist()
    assert {row["reporting_unit_id"]: row["ballot_count"] for row in turnout}["county"] == 30


def test_adams_as_replayed_is_imported_again_as_it_was(counted: Settings, run: Run, tmp_path: Path) -> None:
    done = run("adams-exported", "--format", "openelections", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = import_openelections(Path(done.stdout.split("  ", 1)[1].strip()), "adams-exported")
    assert (found.election_date, found.election_type) == (ADAMS.election_date, ADAMS.election_type)
    assert set(found.reporting_units) == set(ADAMS.reporting_units)
    assert found.contests == ADAMS.contests
    assert found.methods == ADAMS.methods
    votes = {
        (one.contest_id, one.candidate_id, one.precinct_id, one.method): one.vote_count
        for one in found.official_results
    }
    for one in ADAMS.official_results:
        assert votes.pop((one.contest_id, one.candidate_id, one.precinct_id, one.method)) == one.vote_count
    assert set(votes.values()) <= {0}
    # The four Ballots Cast cells in which the county contradicts itself are as the replay casts them.
    published = {(one.precinct_id, one.method): one.ballot_count for one in ADAMS.official_ballots}
    differing = {
        key: count
        for key, count in ((((one.precinct_id, one.method)), one.ballot_count) for one in found.official_ballots)
        if count != published.get(key)
    }
    assert differing == {
        ("carroll-valley-1", "mail"): 440,
        ("carroll-valley-1", "total"): 1425,
        ("cumberland-2", "mail"): 259,
        ("cumberland-2", "total"): 898,
    }


def test_the_bundle_is_checked_and_a_changed_byte_found(exported: dict[Format, list[Path]]) -> None:
    folder = exported[Format.BUNDLE][0].parent

    def check() -> subprocess.CompletedProcess[str]:
        command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert {path.name for path in folder.iterdir()} == BUNDLE
    assert check().returncode == 0
    stated = json.loads((folder / "election.json").read_text(encoding="utf-8"))
    assert (stated["position"], stated["counted_count"], stated["recount"]) == (30, 30, 0)
    assert stated["registry_hash"] in (folder / "README.md").read_text(encoding="utf-8")
    results = folder / "results.csv"
    before = results.read_bytes()
    results.write_bytes(before.replace(b"north", b"nortH", 1))
    try:
        assert "results.csv: FAILED" in check().stdout
    finally:
        results.write_bytes(before)


def test_before_the_close_no_file_tells_a_choice(counted: Settings, run: Run, tmp_path: Path) -> None:
    done = run("exported-later", "--format", "bundle", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "withheld until the polls close" in done.stderr
    folder = tmp_path / "exported-later-bundle"
    report = report_of(folder / "exported-later.nist.json")
    assert "VoteCounts" not in json.dumps(report)
    assert report["Election"][0]["BallotCounts"][0]["BallotsCast"] == 10
    for table in ("results", "contests", "history"):
        assert pq.read_table(folder / f"{table}.parquet").num_rows == 0
    (precincts,) = folder.glob("*precinct.csv")
    found = import_openelections(precincts, "exported-later")
    assert found.official_results == ()
    assert sum(one.ballot_count or 0 for one in found.official_ballots if one.method is Method.TOTAL) == 10


def test_a_draft_is_exported_without_a_hash(counted: Settings, tmp_path: Path) -> None:
    done = export_election(counted, "exported-draft", list(Format), tmp_path)
    assert done.position == 0
    assert report_of(tmp_path / "exported-draft.nist.json")["Status"] == "pre-election"


def test_all_is_read_in_one_snapshot_by_the_reader_alone(
    counted: Settings, count_now: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replace(counted, passwords={"reader": counted.passwords["reader"]})
    read, counts = reading._fetched, []

    def counting(*arguments: Any) -> list[Any]:
        found = read(*arguments)
        if not counts:
            vote(counted, "exported", 30, 40)
            counts.append(count_now("exported").counted)
        return found

    monkeypatch.setattr(reading, "_fetched", counting)
    done = export_election(alone, "exported", [Format.PARQUET], tmp_path)
    assert counts == [10]
    assert done.position == 30
    for table in ("results", "contests", "ballots", "turnout"):
        found = pq.read_table(tmp_path / "exported-parquet" / f"{table}.parquet").to_pylist()
        assert {row["position"] for row in found} == {30}
    again = export_election(alone, "exported", [Format.PARQUET], tmp_path)
    assert again.position == 40


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (("nowhere",), {}, "The marts have no election 'nowhere'"),
        (("exported",), {"ELECTION_POSTGRES_DATABASE": "postgres"}, "The marts are not built"),
        (("exported",), {"ELECTION_POSTGRES_PORT": "1"}, "Postgres refused or did not answer"),
        (("exported", "missing"), {}, "does not exist: make it, or name another one"),
        (("exported", "/proc"), {}, "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(
    arguments: tuple[str, ...], variables: dict[str, str], told: str, counted: Settings, run: Run, tmp_path: Path
) -> None:
    election_id, *places = arguments
    out = tmp_path / (places[0] if places else "")
    done = run(election_id, "--format", "csv", "--out", str(out), **variables)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_dagster_writes_them_into_the_home(counted: Settings, environment: dict[str, str]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("elections", ["exported", "nowhere"])

        def materialized(election_id: str) -> dg.ExecuteInProcessResult:
            return dg.materialize(
                [published_results, evidence_bundle],
                partition_key=election_id,
                instance=instance,
                resources={"settings": LazySettings(environment)},
                raise_on_error=False,
            )

        done, failed = materialized("exported"), materialized("nowhere")
    out = counted.home / "exports" / "exported"
    for asset, files in (("published_results", 12), ("evidence_bundle", len(BUNDLE))):
        (told,) = done.asset_materializations_for_node(f"reports__{asset}")
        assert told.metadata["file_count"].value == files
        for record in told.metadata["files"].value.records:
            path = out / str(record.data["file"])
            assert hashlib.sha256(path.read_bytes()).hexdigest() == record.data["sha256"]
            assert path.stat().st_size == record.data["bytes"]
    reasons = [event.step_failure_data.user_failure_data for event in failed.all_events if event.is_step_failure]
    assert all("The marts have no election 'nowhere'" in (one.description or "") for one in reasons if one)
    assert len(reasons) == 2
    assert not [event for event in failed.all_events if event.is_step_up_for_retry]
