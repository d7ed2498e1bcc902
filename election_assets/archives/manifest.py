"""The manifest of an archive: what was archived, and the files it is in, with their SHA-256."""

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from election_assets.errors import PermanentError

NAME = "manifest.json"
FORMAT = 1


class ArchivedPartition(msgspec.Struct, frozen=True):
    """The offsets of one partition that are archived: [first_offset, end_offset)."""

    partition: int
    first_offset: int
    end_offset: int


class ArchivedFile(msgspec.Struct, frozen=True):
    """A file of the archive, by its path in it."""

    name: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds; `format` is that of the archive, `version` the program's."""

    format: int
    version: str
    archived_at: datetime
    election_id: str
    registry_hash: str
    partition_count: int
    partitions: tuple[ArchivedPartition, ...]
    files: tuple[ArchivedFile, ...]

    @property
    def message_count(self) -> int:
        """Return how many messages of the log are archived."""
        return sum(one.end_offset - one.first_offset for one in self.partitions)


class _Format(msgspec.Struct):
    format: int
    version: str


def file_in(folder: Path, name: str, rows: int) -> ArchivedFile:
    """Describe a file that was written into an archive."""
    return ArchivedFile(name, rows, _sha256(folder / name))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into its archive."""
    (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def manifest_hash(folder: Path) -> str:
    """Return the SHA-256 of an archive's manifest, which vouches for all of its files."""
    return _sha256(folder / NAME)


def checked_manifest(folder: Path) -> Manifest:
    """Read an archive's manifest and check every file against it; raise PermanentError where something is amiss."""
    manifest = _read(folder)
    for file in manifest.files:
        try:
            found = _sha256(folder / file.name)
        except OSError as error:
            raise PermanentError(
                f"{folder} is not whole: {file.name} cannot be read ({error.strerror}). Use another copy of it."
            ) from error
        if found != file.sha256:
            raise PermanentError(
                f"{folder / file.name} was changed or damaged: its SHA-256 is {found[:16]}…, the manifest says "
                f"{file.sha256[:16]}…. Use another copy of the archive."
            )
    return manifest


def _read(folder: Path) -> Manifest:
    try:
        text = (folder / NAME).read_bytes()
        said = msgspec.json.decode(text, type=_Format)
        if said.format != FORMAT:
            raise PermanentError(
                f"{folder} is an archive of format {said.format}, and this version reads {FORMAT}: restore it with "
                f"version {said.version}, which wrote it."
            )
        return msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise PermanentError(
            f"{folder} is no archive: its {NAME} cannot be read ({error.strerror}). "
            "Name a folder that `election archive` wrote."
        ) from error
    except msgspec.MsgspecError as error:
        raise PermanentError(
            f"{folder / NAME} is no manifest of an archive ({error}). Use another copy of the archive."
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
