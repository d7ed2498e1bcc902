"""File systems small enough to be filled, which are memory."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of its own, of so many bytes; `lacking` says why it is none, where it is only a folder."""

    folder: Path
    size: int
    lacking: str = ""

    @property
    def free(self) -> int:
        """How many bytes have room."""
        return shutil.disk_usage(self.folder).free

    def fill(self, left: int) -> None:
        """Leave room for so many bytes, and no more."""
        self._resize(self.size - self.free + left)

    def make_room(self) -> None:
        """Let it be as large as it was."""
        self._resize(self.size)

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Disk]:
    """Let a new folder be a file system while the body runs, where this machine allows it."""
    folder.mkdir(mode=0o755)
    lacking = _lacking(folder, size)
    try:
        yield Disk(folder, size, lacking)
    finally:
        if not lacking:
            subprocess.run(["umount", "--lazy", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _lacking(folder: Path, size: int) -> str:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "Only root may make a file system small enough to be filled."
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    return f"This machine lets nobody mount a file system: {mounted.stderr.strip()}" if mounted.returncode else ""
