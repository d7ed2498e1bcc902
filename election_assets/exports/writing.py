"""The writing of files, whole or not at all: beside their place first, flushed to the disk, then renamed into it."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from election_assets.errors import PermanentError


def make_folder(place: Path) -> Path:
    """Make a folder and those above it where they are not there; raise PermanentError where that cannot be."""
    with _plain_failures(place):
        place.mkdir(parents=True, exist_ok=True)
    return place


def write_file(place: Path, content: bytes) -> None:
    """Write a file; what stood there before stays until the new one is whole.

    Raises PermanentError where its folder is not there or cannot be written.
    """
    with _plain_failures(place):
        temporary = _beside(place)
        try:
            _write(temporary, content)
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
        _flush(place.parent)


def write_folder(place: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files and no others; an earlier one stays until the new one is whole.

    Raises PermanentError where it cannot be written, or holds other files already.
    """
    with _plain_failures(place):
        _refuse_others(place, files)
        temporary = _beside(place)
        try:
            temporary.mkdir()
            for name, content in files.items():
                _write(temporary / name, content)
            _flush(temporary)
            _put(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _flush(place.parent)


@contextmanager
def fresh_folder(place: Path) -> Iterator[Path]:
    """Yield a folder to be filled, which only its owner may enter; it becomes `place` when the body is through.

    Until then it lies beside, and what an interrupted one left there is cleared. Raises PermanentError where `place`
    is there already or cannot be written.
    """
    with _plain_failures(place):
        if place.exists():
            raise PermanentError(f"{place} is there already: name a folder that is not.")
        _refuse_homeless(place)
        temporary = place.with_name(f".{place.name}.partial")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(mode=0o700)
            yield temporary
            for path in (*temporary.rglob("*"), temporary):
                _flush(path)
            os.rename(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _flush(place.parent)


def _put(temporary: Path, place: Path) -> None:
    """Rename a folder into its place; no call replaces one that has files, so that is moved aside and back."""
    if not place.exists():
        os.rename(temporary, place)
        return
    aside = _beside(place)
    os.rename(place, aside)
    try:
        os.rename(temporary, place)
    finally:
        if not place.exists():
            os.rename(aside, place)
        shutil.rmtree(aside, ignore_errors=True)


def _refuse_others(place: Path, files: Mapping[str, bytes]) -> None:
    if not place.exists():
        return
    if not place.is_dir() or place.is_symlink():
        raise PermanentError(f"{place} is no folder: move it away, or export into another folder.")
    if others := sorted({path.name for path in place.iterdir()} - set(files)):
        raise PermanentError(
            f"{place} holds {others[0]!r}, which is not of this export: move it away, or export into another folder."
        )


def _refuse_homeless(place: Path) -> None:
    if not place.parent.is_dir():
        raise PermanentError(f"The folder {place.parent} does not exist: make it, or name another one.")


def _beside(place: Path) -> Path:
    _refuse_homeless(place)
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}")


def _write(place: Path, content: bytes) -> None:
    with place.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _plain_failures(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PermanentError(
            f"{place} cannot be written ({error.strerror or error}), and nothing of it was left: "
            "name a folder that you may write to, on a disk with room for it."
        ) from error
