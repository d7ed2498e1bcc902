"""The claim about a disk that fills up: one sentence says so, and with space again the command goes through."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2.3 GiB, which is memory."""
    place = Path("/mnt") / f"election-{os.getpid()}"
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("Only root may make a file system small enough to be filled.")
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2300m,mode=755", "tmpfs", place], check=False)
    try:
        if mounted.returncode:
            pytest.skip("This machine lets nobody mount a file system.")
        yield place
    finally:
        subprocess.run(["umount", place], check=False)
        place.rmdir()


def election(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on a home."""
    command = [sys.executable, "-m", "election_assets", *arguments]
    environ = {**os.environ, "ELECTION_HOME": str(home)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.slow
def test_a_disk_that_fills_while_voters_are_registered_is_said_and_got_over(small_disk: Path, tmp_path: Path) -> None:
    home, filler = small_disk / "home", small_disk / "filler"
    folder = str(tmp_path / "large")
    assert election(home, "generate", "large", "--voters", "300000", "--out", folder).returncode == 0
    try:
        assert election(home, "up").returncode == 0
        left = shutil.disk_usage(small_disk).free
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, left - 30 * MIB)
        failed = election(home, "register", folder)
        assert failed.returncode == 2
        assert f"The disk with {home} is full" in failed.stderr
        assert "Traceback" not in failed.stderr
        filler.unlink()
        assert election(home, "up").returncode == 0
        again = election(home, "register", folder)
        assert again.returncode == 0, again.stderr
        assert "300,000 voters" in again.stderr
    finally:
        filler.unlink(missing_ok=True)
        election(home, "down")
