"""The claim about a disk that fills up: one sentence says so, and with space again the command goes through."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.disks import MIB, Disk, small_disk


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A file system of 2.3 GiB."""
    with small_disk(Path("/mnt") / f"election-{os.getpid()}", 2300 * MIB) as made:
        if made.lacking:
            pytest.skip(made.lacking)
        yield made


def election(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on a home."""
    command = [sys.executable, "-m", "election_assets", *arguments]
    environ = {**os.environ, "ELECTION_HOME": str(home)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.slow
def test_a_disk_that_fills_while_voters_are_registered_is_said_and_got_over(disk: Disk, tmp_path: Path) -> None:
    home = disk.folder / "home"
    folder = str(tmp_path / "large")
    assert election(home, "generate", "large", "--voters", "300000", "--out", folder).returncode == 0
    try:
        assert election(home, "up").returncode == 0
        disk.fill(left=30 * MIB)
        failed = election(home, "register", folder)
        assert failed.returncode == 2
        assert f"The disk with {home} is full" in failed.stderr
        assert "Traceback" not in failed.stderr
        disk.make_room()
        assert election(home, "up").returncode == 0
        again = election(home, "register", folder)
        assert again.returncode == 0, again.stderr
        assert "300,000 voters" in again.stderr
    finally:
        disk.make_room()
        election(home, "down")
