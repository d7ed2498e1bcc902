"""Claims about `election verify`: what the log comes to is what is shown, and a change anywhere is found and named."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from audit.evidence import verify_against
from audit.verification import Verification, held_still, verify
from election_assets.domain.election import Election, Publish
from election_assets.domain.topics import votes_topic_of
from election_assets.errors import PermanentError, TransientError
from election_assets.exports import Format
from election_assets.exports.exporting import export_election
from election_assets.kafka_cluster import KafkaCluster
from election_assets.registry import register
from election_assets.settings import Settings
from election_assets.verifying import sources_of, verify_election
from spark.figures import CountFigures
from spark.registry import election_number
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import owner
from tests.support.log import appended, appended_in_transaction, opened
from tests.support.mixture import mixture
from tests.support.tampering import LedgerEdit, edited_ledger, edited_log

Count = Callable[..., CountFigures]

VERIFIED = made_election("verified", voters_each=80)
# Of one partition, so that it has several segments.
LONG = made_election("verified-long", voters_each=2_000, partition_count=1)

CHECK_OF = {
    "positions": "positions",
    "participation": "who voted, and with which ballot",
    "uncounted": "verdict and reason of each message",
    "ballot_counts": "ballots",
    "contest_ballots": "ballots, undervotes and overvotes by contest",
    "tallies": "votes",
    "voter_group_counts": "voter groups",
    "arrivals": "arrivals by minute",
}


def in_one_process(settings: Settings, election: Election) -> Verification:
    sources = sources_of(settings, election.election_id)
    with held_still(sources) as snapshot:
        return verify(sources, snapshot, lambda _done, _total: None, processes=1)


def against(settings: Settings, election: Election, bundle: Path) -> Verification:
    sources = sources_of(settings, election.election_id)
    with held_still(sources) as snapshot:
        return verify_against(sources, snapshot, bundle, lambda _done, _total: None, processes=1)


def failed(found: Verification) -> dict[str, str]:
    """Return the checks that failed, with the first coordinates that differ."""
    return {check.name: check.first or "" for check in found.checks if not check.passed}


@pytest.fixture(scope="module")
def verified(settings: Settings, count_now: Count, marts: Callable[[], None]) -> Settings:
    """Two counted elections: a mixture with holes, and a long one."""
    opened(settings, VERIFIED)
    appended(settings, VERIFIED.election_id, [cast.message for cast in mixture(VERIFIED, seed=3)])
    lost = [draft(VERIFIED, voter, attempt=7).message() for voter in roll_of(VERIFIED)[:6]]
    appended_in_transaction(settings, VERIFIED.election_id, lost, committed=False)
    opened(settings, LONG)
    marked = [{"mayor": ["ann"]}, {"mayor": ["bob"], "council": ["dan", "eve"]}, {}]
    voters = [voter for voter in roll_of(LONG) if voter.ballot_style_id != "bridge-only"]
    ballots = [draft(LONG, voter, marked[at % 3]).message() for at, voter in enumerate(voters)]
    appended(settings, LONG.election_id, [*ballots, *(ballots * 2)[: 2 * 4_096 + 50 - len(ballots)]])
    for election in (VERIFIED, LONG):
        count_now(election.election_id)
    return settings


@pytest.fixture(scope="module")
def bundle(verified: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the long election."""
    out = tmp_path_factory.mktemp("bundles")
    export_election(verified, LONG.election_id, [Format.BUNDLE], out)
    return out / f"{LONG.election_id}-bundle"


@pytest.fixture
def copied(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def segment_of(settings: Settings, election: Election) -> Path:
    topic = votes_topic_of(election.election_id, settings.votes_topic)
    (segment,) = (settings.home / "kafka").rglob(f"{topic}-0/*.log")
    return segment


def test_what_was_counted_right_passes_and_is_kept(verified: Settings) -> None:
    found = verify_election(verified, VERIFIED.election_id)
    assert failed(found) == {}
    assert len(found.checks) == 13
    with psycopg.connect(verified.conninfo("reader")) as connection:
        row = connection.execute(
            "select is_verified, verified_position = position, verified_position from marts.fct_count_health"
            " where election_id = %s",
            (VERIFIED.election_id,),
        ).fetchone()
    assert row == (True, True, found.position)


def test_every_message_is_compared(verified: Settings) -> None:
    verdicts = in_one_process(verified, VERIFIED).checks[2]
    assert verdicts.compared > 400
    assert int(verdicts.expected) > 100


@pytest.mark.parametrize("seed", [*range(25), *(pytest.param(one, marks=pytest.mark.slow) for one in range(25, 120))])
def test_an_edit_of_the_ledger_is_found_and_named(verified: Settings, seed: int) -> None:
    with owner(verified) as connection:
        number = election_number(connection, VERIFIED.election_id)
        with edited_ledger(connection, number, random.Random(seed)) as edit:
            found = failed(in_one_process(verified, VERIFIED))
    assert named(edit) & set(found.get(CHECK_OF[edit.table], "").replace(",", " ").replace(":", " ").split()), edit


def named(edit: LedgerEdit) -> set[str]:
    """Return what the first coordinates must name: the partition, or without one the voter."""
    rows = [row for row in (edit.before, edit.after) if row]
    key = "voter_number" if edit.table == "participation" else "partition"
    return {str(row[key]) for row in rows}


def test_a_ballot_of_somebody_who_never_voted_is_found(verified: Settings) -> None:
    with owner(verified) as connection:
        election = election_number(connection, VERIFIED.election_id)
        ((number,),) = connection.execute(
            "select voter_number from registry.voters where election_number = %s"
            " except select voter_number from ledger.participation where election_number = %s limit 1",
            (election, election),
        ).fetchall()
        connection.execute("insert into ledger.participation values (%s, %s, gen_random_uuid())", (election, number))
        try:
            found = failed(in_one_process(verified, VERIFIED))
        finally:
            connection.execute(
                "delete from ledger.participation where election_number = %s and voter_number = %s", (election, number)
            )
    assert list(found) == ["who voted, and with which ballot"]
    assert f"voter number {number}: nothing expected" in found["who voted, and with which ballot"]


def test_what_readers_are_shown_is_compared_too(verified: Settings) -> None:
    with owner(verified) as connection:
        definition = connection.execute("select pg_get_viewdef('marts.fct_ballots'::regclass)").fetchone()
        assert definition
        # The same view, but with a ballot too many in each cell where there are any.
        body = definition[0].rstrip().rstrip(";")
        columns = [
            name for (name,) in connection.execute(
                "select attname from pg_attribute where attrelid = 'marts.fct_ballots'::regclass and attnum > 0"
                " order by attnum"
            )
        ]  # fmt: skip
        forged = ", ".join("ballot_count + 1 as ballot_count" if one == "ballot_count" else one for one in columns)
        connection.execute(f"create or replace view marts.fct_ballots as select {forged} from ({body}) real".encode())
        try:
            found = failed(in_one_process(verified, VERIFIED))
        finally:
            connection.execute(f"create or replace view marts.fct_ballots as {body}".encode())
    assert list(found) == ["fct_ballots"]
    assert "fct_ballots north/election_day: " in found["fct_ballots"]


def test_a_changed_vote_in_the_log_is_found_in_the_ledger_and_in_the_bundle(verified: Settings, bundle: Path) -> None:
    with edited_log(segment_of(verified, LONG), b'{"mayor":["ann"]', b'{"mayor":["bob"]'):
        by_ledger, by_bundle = in_one_process(verified, LONG), against(verified, LONG, bundle)
    assert failed(by_ledger)["votes"] == "partition 0, tallies mayor/ann/north/election_day: 1333 expected, 1334 found"
    assert failed(by_bundle)["segments of the log"].startswith("partition 0, offsets 0/4096: ")
    assert failed(by_bundle)["results.csv"].startswith("cell mayor/ann/north/election_day: ")


@pytest.mark.parametrize("letter", [b"T09:00:00Z", b"Z", b"-"], ids=["a time", "a letter", "a hyphen"])
def test_an_edit_that_changes_no_verdict_is_found_by_the_bundle(
    verified: Settings, bundle: Path, letter: bytes
) -> None:
    old = b'"cast_at":"2026-11-03T09:00:00Z"'
    with edited_log(segment_of(verified, LONG), old, old.replace(letter, b"7" * len(letter), 1)):
        assert failed(in_one_process(verified, LONG)) == {}
        assert list(failed(against(verified, LONG, bundle))) == ["segments of the log"]


def test_a_log_that_cannot_be_read_is_named_from_where_on(verified: Settings, bundle: Path) -> None:
    with edited_log(segment_of(verified, LONG), b'{"mayor":["ann"]', b'{"mayor":["bob"]', mended=False) as offset:
        found = failed(in_one_process(verified, LONG))
        assert f"{offset} and after it: " in found["the log"]
        assert "the log" in failed(against(verified, LONG, bundle))


def test_a_bundle_of_an_untouched_log_passes(verified: Settings, bundle: Path) -> None:
    found = against(verified, LONG, bundle)
    assert failed(found) == {}
    assert [check.name for check in found.checks] == [
        "files of the bundle", "the freeze", "the log", "segments of the log", "verdicts by partition",
        "results.csv", "contests.csv", "ballots.csv",
    ]  # fmt: skip
    assert found.checks[3].compared == 2


def test_a_bundle_still_holds_when_the_count_has_gone_on(verified: Settings, count_now: Count, bundle: Path) -> None:
    late = [voter for voter in roll_of(LONG) if voter.ballot_style_id == "bridge-only"][:20]
    appended(verified, LONG.election_id, [draft(LONG, voter, {"bridge": ["yes"]}).message() for voter in late])
    count_now(LONG.election_id)
    assert failed(against(verified, LONG, bundle)) == {}
    assert failed(in_one_process(verified, LONG)) == {}


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(one, marks=pytest.mark.slow) for one in range(10, 80))])
def test_an_edit_of_a_bundle_is_found_and_named(verified: Settings, copied: Path, seed: int) -> None:
    randomly = random.Random(seed)
    file = randomly.choice(sorted(path for path in copied.iterdir()))
    done = randomly.choice(("byte", "byte", "byte", "cut", "gone", "added"))
    content = bytearray(file.read_bytes())
    if done == "byte":
        content[randomly.randrange(len(content))] ^= randomly.randrange(1, 256)
        file.write_bytes(content)
    elif done == "cut":
        file.write_bytes(content[: randomly.randrange(len(content))])
    elif done == "gone":
        file.unlink()
    else:
        file = copied / "another.csv"
        file.write_bytes(bytes(content))
    try:
        said = str(failed(against(verified, LONG, copied)))
    except PermanentError as error:
        said = str(error)
    # A changed manifest has another sum for a file, or another name.
    assert file.name in said or (file.name == "SHA256SUMS" and "file" in said), (seed, done, file.name)


def test_figures_forged_together_with_the_manifest_are_found_by_the_log(verified: Settings, copied: Path) -> None:
    results = copied / "results.csv"
    lines = results.read_text(encoding="utf-8").splitlines(keepends=True)
    header = lines[0].strip().split(",")
    fields = lines[1].split(",")
    place = header.index("vote_count")
    fields[place] = str(int(fields[place]) + 1)
    results.write_text("".join([lines[0], ",".join(fields), *lines[2:]]), encoding="utf-8")
    (copied / "SHA256SUMS").write_bytes(sums_of(copied))
    assert list(failed(against(verified, LONG, copied))) == ["results.csv"]


def sums_of(folder: Path) -> bytes:
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    return subprocess.run(["sha256sum", *names], cwd=folder, capture_output=True, check=True).stdout


def test_a_wrong_ledger_is_not_bundled(verified: Settings, tmp_path: Path) -> None:
    with owner(verified) as connection:
        number = election_number(connection, VERIFIED.election_id)
        with (
            edited_ledger(connection, number, random.Random(1)),
            pytest.raises(PermanentError, match="is not bundled, for its log does not come to its figures"),
        ):
            export_election(verified, VERIFIED.election_id, [Format.BUNDLE], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_before_the_close_nothing_is_told_of_choices(verified: Settings, count_now: Count, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(hours=1)}
    election = made_election("verified-early", publish=Publish.AT_CLOSE, **hours)
    opened(verified, election)
    voters = roll_of(election)[:20]
    appended(verified, election.election_id, [draft(election, one, {"mayor": ["ann"]}).message() for one in voters])
    count_now(election.election_id)
    found = in_one_process(verified, election)
    assert failed(found) == {}
    assert [check.name for check in found.checks][10:] == ["fct_ballots"]
    export_election(verified, election.election_id, [Format.BUNDLE], tmp_path)
    folder = tmp_path / "verified-early-bundle"
    assert "ann" not in (folder / "verification.json").read_text(encoding="utf-8")
    bundled = against(verified, election, folder)
    assert failed(bundled) == {}
    assert [check.name for check in bundled.checks][5:] == ["ballots.csv"]


def test_a_log_that_was_made_anew_is_found(verified: Settings) -> None:
    sources = replace(sources_of(verified, VERIFIED.election_id), votes_topic=votes_topic_of(LONG.election_id))
    with held_still(sources) as snapshot:
        found = failed(verify(sources, snapshot, lambda _done, _total: None, processes=1))
    assert "topic_id: " in found["the freeze"]
    assert found["the log"].startswith("offsets of partition 1: 0/")


def test_what_cannot_be_recounted_is_one_sentence(verified: Settings, bundle: Path, tmp_path: Path) -> None:
    register(verified.conninfo("registrar"), made_election("verified-draft"))
    with pytest.raises(PermanentError, match="Election 'verified-draft' is not open, so it has no log"):
        verify_election(verified, "verified-draft")
    with pytest.raises(PermanentError, match="is a bundle of 'verified-long', not of 'verified'"):
        against(verified, VERIFIED, bundle)
    with pytest.raises(PermanentError, match=r"is no bundle: its verification\.json cannot be read"):
        against(verified, VERIFIED, tmp_path)
    with pytest.raises(PermanentError, match=r"Kafka has no topic 'nowhere\.verified'"):
        verify_election(replace(verified, votes_topic="nowhere"), VERIFIED.election_id)
    with pytest.raises(TransientError, match=r"Kafka at 127\.0\.0\.1:9 did not answer"):
        verify_election(replace(verified, kafka=KafkaCluster("127.0.0.1:9")), VERIFIED.election_id)
    evidence = tmp_path / "verification.json"
    evidence.write_text((bundle / evidence.name).read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(PermanentError, match="has format 2 and segments of 4096; this version reads format 1"):
        against(verified, LONG, tmp_path)


def test_the_command_tells_by_its_exit_code(verified: Settings, environment: dict[str, str], bundle: Path) -> None:
    def election(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "election_assets", "verify", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = election(VERIFIED.election_id)
    assert (done.returncode, done.stdout.splitlines()[-1].split(": ")[-1]) == (0, "all 13 checks passed.")
    told = json.loads(election(LONG.election_id, "--against", str(bundle), "--json").stdout)
    assert (told["has_passed"], len(told["checks"])) == (True, 8)
    with owner(verified) as connection:
        number = election_number(connection, VERIFIED.election_id)
        with edited_ledger(connection, number, random.Random(2)) as edit:
            done = election(VERIFIED.election_id)
    assert done.returncode == 1
    assert CHECK_OF[edit.table] in done.stdout
    assert done.stdout.splitlines()[-1].endswith("of 13 checks FAILED.")
    assert election("nowhere").returncode == 2
