"""Claims about how exports come to the disk: whole or not at all, and such that a changed byte is found."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from election_assets.domain.election import Publish
from election_assets.errors import PermanentError
from election_assets.exports import Format
from election_assets.exports.exporting import write_snapshot
from election_assets.exports.writing import make_folder, write_file, write_folder
from tests.support.elections import made_election
from tests.support.exports import HASH, made_snapshot

SNAPSHOT = made_snapshot(made_election("written"))
BUNDLE = "written-bundle"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failing(call: Callable[..., Any], after: int, error: BaseException) -> Callable[..., Any]:
    """Let a call work so many times, then fail."""
    calls = iter([None] * after)

    def called(*arguments: Any, **keywords: Any) -> Any:
        for _ in calls:
            return call(*arguments, **keywords)
        raise error

    return called


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize(("name", "after"), [("fsync", 0), ("fsync", 5), ("rename", 0), ("replace", 0)])
@pytest.mark.parametrize("earlier", [True, False])
def test_an_interrupted_export_leaves_what_was_there(
    error: BaseException, name: str, after: int, earlier: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if earlier:
        write_snapshot(replace(SNAPSHOT, results=SNAPSHOT.results[:1]), [Format.NIST, Format.BUNDLE], tmp_path)
    before = content(tmp_path)
    form = Format.NIST if name == "replace" else Format.BUNDLE
    # An earlier folder is renamed aside first, and then back again.
    monkeypatch.setattr(os, name, failing(getattr(os, name), after, error))
    with pytest.raises((PermanentError, KeyboardInterrupt)):
        write_snapshot(SNAPSHOT, [form], tmp_path)
    monkeypatch.undo()
    assert content(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_cannot_take_its_place_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "it"
    write_folder(place, {"one": b"1"})
    rename, calls = os.rename, []

    def second_fails(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(PermanentError, match="Input/output error"):
        write_folder(place, {"one": b"2"})
    assert content(tmp_path) == {"it/one": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_an_export_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    write_snapshot(replace(SNAPSHOT, results=[]), list(Format), tmp_path)
    done = write_snapshot(SNAPSHOT, list(Format), tmp_path)
    assert {file.path for file in done.files} == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(file.path.stat().st_size == file.byte_count for file in done.files)
    assert (tmp_path / "written-csv" / "results.csv").read_bytes().count(b"\n") == len(SNAPSHOT.results) + 1


def test_a_folder_with_files_of_others_is_not_replaced(tmp_path: Path) -> None:
    write_snapshot(SNAPSHOT, [Format.CSV], tmp_path)
    (tmp_path / "written-csv" / "notes.txt").write_text("mine")
    with pytest.raises(PermanentError, match=r"holds 'notes\.txt', which is not of this export"):
        write_snapshot(SNAPSHOT, [Format.CSV], tmp_path)
    assert (tmp_path / "written-csv" / "notes.txt").read_text() == "mine"


def test_a_file_where_the_folder_would_be_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "written-csv").write_text("mine")
    with pytest.raises(PermanentError, match="is no folder"):
        write_snapshot(SNAPSHOT, [Format.CSV], tmp_path)
    (tmp_path / "written.nist.json").mkdir()
    with pytest.raises(PermanentError, match="cannot be written"):
        write_snapshot(SNAPSHOT, [Format.NIST], tmp_path)


@pytest.mark.parametrize("form", list(Format))
def test_a_missing_folder_is_a_sentence(form: Format, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"The folder .*nowhere does not exist: make it, or name another one\."):
        write_snapshot(SNAPSHOT, [form], tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermanentError, match=r"cannot be written \(Permission denied\), and nothing of it was left"):
        write_file(tmp_path / "a", b"")


def test_a_home_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(PermanentError, match="cannot be written"):
        make_folder(tmp_path / "home" / "exports")


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_bundle_is_checked_by_its_manifest(tmp_path: Path) -> None:
    done = write_snapshot(SNAPSHOT, [Format.BUNDLE], tmp_path)
    folder = tmp_path / BUNDLE
    found = checked(folder)
    assert found.returncode == 0, found.stderr
    listed = {line.split(": ")[0] for line in found.stdout.splitlines()}
    assert listed == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert {file.path.name: file.sha256 for file in done.files}["results.csv"] in (folder / "SHA256SUMS").read_text()


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    write_snapshot(SNAPSHOT, [Format.BUNDLE], tmp_path)
    for file in sorted(set(content(tmp_path / BUNDLE)) - {"SHA256SUMS"}):
        octets = bytearray((tmp_path / BUNDLE / file).read_bytes())
        octets[-1] ^= 1
        (tmp_path / BUNDLE / file).write_bytes(octets)
        found = checked(tmp_path / BUNDLE)
        assert (found.returncode, f"{file}: FAILED" in found.stdout) == (1, True)


def test_the_bundle_says_what_its_figures_follow_from(tmp_path: Path) -> None:
    write_snapshot(SNAPSHOT, [Format.BUNDLE], tmp_path)
    readme = (tmp_path / BUNDLE / "README.md").read_text()
    assert HASH in readme
    assert "99 of its offsets were judged (recount 0): 80 messages were\ncounted" in readme
    assert "This is a rehearsal" in readme
    assert "withheld" not in readme
    assert f'"registry_hash": "{HASH}"' in (tmp_path / BUNDLE / "election.json").read_text()


def test_what_is_withheld_is_said(tmp_path: Path) -> None:
    made = made_election("later", publish=Publish.AT_CLOSE, is_test=False)
    done = write_snapshot(made_snapshot(made, registry_hash=None, counted_at=None), [Format.BUNDLE], tmp_path)
    assert done.sentence().endswith("candidates' figures are withheld until the polls close.")
    readme = (tmp_path / "later-bundle" / "README.md").read_text()
    assert "Choices are withheld until the polls close" in readme
    assert "none: the election is a draft" in readme
    assert "rehearsal" not in readme


def test_files_are_for_everyone_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_file(tmp_path / "a", b"a")
        write_folder(tmp_path / "b", {"c": b"c"})
    finally:
        os.umask(before)
    modes = [oct(path.stat().st_mode)[-3:] for path in (tmp_path / "a", tmp_path / "b", tmp_path / "b" / "c")]
    assert modes == ["644", "755", "644"]
