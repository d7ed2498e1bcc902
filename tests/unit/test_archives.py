"""Claims about archives as files, without engines: whole or not at all, and read back as they were written."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.log import Message
from election_assets.archives import log
from election_assets.archives.log import read_partition, write_partition
from election_assets.archives.manifest import (
    ArchivedPartition,
    Manifest,
    checked_manifest,
    file_in,
    manifest_hash,
    write_manifest,
)
from election_assets.errors import PermanentError
from election_assets.exports.writing import fresh_folder

MESSAGES = [
    Message(2, 0, 1_793_700_000_123, b"v1", b'{"ballot":1}'),
    Message(2, 1, 1_793_700_000_123, b"", b""),
    Message(2, 2, 1_793_700_000_124, None, None),
    Message(2, 3, 1_793_700_000_122, b"v2", b"\xff" * 70_000),
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with one file."""
    (tmp_path / "log").mkdir()
    rows = write_partition(MESSAGES, tmp_path / "log/partition-0002.parquet")
    manifest = Manifest(
        format=1,
        version="0.1.0",
        archived_at=datetime(2026, 11, 4, tzinfo=UTC),
        election_id="trial",
        registry_hash="0" * 64,
        partition_count=3,
        partitions=(ArchivedPartition(2, 0, rows),),
        files=(file_in(tmp_path, "log/partition-0002.parquet", rows),),
    )
    write_manifest(tmp_path, manifest)
    return tmp_path


def rewritten(archive: Path, change: Callable[[dict[str, object]], object]) -> None:
    fields = json.loads((archive / "manifest.json").read_text())
    change(fields)
    (archive / "manifest.json").write_text(json.dumps(fields))


def refusal(archive: Path) -> str:
    with pytest.raises(PermanentError) as refused:
        checked_manifest(archive)
    return str(refused.value)


@pytest.mark.parametrize("rows_at_once", [1, 3, 20_000])
def test_messages_are_read_back_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(log, "_ROWS_AT_ONCE", rows_at_once)
    monkeypatch.setattr(log, "_BYTES_AT_ONCE", 60_000)
    assert write_partition(iter(MESSAGES), tmp_path / "partition") == 4
    assert list(read_partition(tmp_path / "partition")) == MESSAGES


def test_a_partition_without_messages_is_a_file_without_rows(tmp_path: Path) -> None:
    assert write_partition([], tmp_path / "partition") == 0
    assert list(read_partition(tmp_path / "partition")) == []


def test_a_log_with_a_hole_is_refused_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no message at 2:1, as after a producer's transaction"):
        write_partition([MESSAGES[0], MESSAGES[2]], tmp_path / "partition")
    with pytest.raises(PermanentError, match="no message at 2:0"):
        write_partition(MESSAGES[1:], tmp_path / "partition")


def test_a_whole_archive_is_accepted_and_its_manifest_counts_its_messages(archive: Path) -> None:
    assert checked_manifest(archive).message_count == 4
    assert len(manifest_hash(archive)) == 64


def test_a_changed_file_is_refused(archive: Path) -> None:
    file = archive / "log/partition-0002.parquet"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    assert "was changed or damaged" in refusal(archive)


def test_a_missing_file_is_refused(archive: Path) -> None:
    (archive / "log/partition-0002.parquet").unlink()
    assert "log/partition-0002.parquet cannot be read (No such file or directory)" in refusal(archive)


def test_a_folder_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    assert "is no archive: its manifest.json cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1, "version": "0.1.0"}'])
def test_a_manifest_that_is_none_is_refused(archive: Path, text: str) -> None:
    (archive / "manifest.json").write_text(text)
    assert "is no manifest of an archive" in refusal(archive)


def test_an_archive_of_a_later_format_names_the_version_to_restore_it_with(archive: Path) -> None:
    rewritten(archive, lambda fields: fields.update(format=2, version="3.0.0", files="elsewhere"))
    assert "of format 2, and this version reads 1: restore it with version 3.0.0" in refusal(archive)


def test_a_folder_is_there_when_all_of_it_is_and_only_its_owner_may_enter(tmp_path: Path) -> None:
    place = tmp_path / "whole"
    with fresh_folder(place) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("content")
        assert not place.exists()
    assert (place / "inner" / "file").read_text() == "content"
    assert place.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_an_interrupted_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), fresh_folder(tmp_path / "half") as folder:
        (folder / "file").write_text(f"{1 / 0}")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".again.partial").mkdir()
    (tmp_path / ".again.partial" / "old").write_text("half")
    with fresh_folder(tmp_path / "again") as folder:
        (folder / "new").write_text("whole")
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_a_folder_that_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PermanentError, match="is there already"), fresh_folder(tmp_path):
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="does not exist: make it"), fresh_folder(tmp_path / "no" / "where"):
        pass


def test_a_disk_that_takes_no_more_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be written"), fresh_folder(tmp_path / "full"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
