"""Claims about processes that are left to themselves and found again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.processes import Process, command_line, launch, pid_in_use, record, recorded, started_at, stop


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    """A process that runs until it is stopped."""
    process = launch(["sleep", "60"], tmp_path, tmp_path / "out")
    assert process is not None
    yield process
    stop(process, [])


def test_a_process_is_found_again_by_its_pid_file(tmp_path: Path, sleeper: Process) -> None:
    record(tmp_path / "it.pid", sleeper)
    found = recorded(tmp_path / "it.pid")
    assert found == sleeper
    assert found.is_alive()
    assert command_line(found.pid) == "sleep 60"


def test_a_pid_used_again_is_not_mistaken_for_the_engine(tmp_path: Path) -> None:
    (tmp_path / "it.pid").write_text(f"{os.getpid()} another-boot/12345\n")
    found = recorded(tmp_path / "it.pid")
    assert found is not None
    assert pid_in_use(found.pid)
    assert not found.is_alive()


def test_stopping_a_reused_pid_leaves_its_new_owner_alone(sleeper: Process) -> None:
    stop(Process(sleeper.pid, "another-boot/12345"), [(signal.SIGTERM, 1)])
    assert sleeper.is_alive()


@pytest.mark.parametrize("text", ["", "12345", "12345 ", "abc def"])
def test_a_pid_file_cut_short_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.pid").write_text(text)
    assert recorded(tmp_path / "it.pid") is None
    assert recorded(tmp_path / "missing.pid") is None


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen(["true"])
    time.sleep(0.3)
    assert started_at(child.pid) is None
    assert pid_in_use(child.pid)
    child.wait()
    assert not pid_in_use(child.pid)


def test_one_that_ignores_a_signal_gets_the_next(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(9)"
    process = launch([sys.executable, "-c", deaf], tmp_path, tmp_path / "out")
    assert process is not None
    while not (tmp_path / "out").read_text():
        time.sleep(0.05)
    stop(process, [(signal.SIGTERM, 0.2)])
    assert not process.is_alive()


def test_a_launched_process_outlives_its_starter_and_holds_nothing_of_it(tmp_path: Path) -> None:
    starter = (
        "import sys; from pathlib import Path; from engines.processes import launch; "
        "folder = Path(sys.argv[1]); sleeper = launch(['sleep', '60'], folder, folder / 'out'); "
        "print(sleeper.pid, sleeper.started)"
    )
    # Reading to the end returns only when nobody holds the pipe any more.
    answer = subprocess.run(
        [sys.executable, "-c", starter, str(tmp_path)], capture_output=True, text=True, timeout=20, check=True
    )
    pid, _, started = answer.stdout.strip().partition(" ")
    process = Process(int(pid), started)
    assert process.is_alive()
    assert os.getsid(process.pid) != os.getsid(0)
    stop(process, [(signal.SIGTERM, 5)])


def test_a_launched_process_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTION_POSTGRES_PASSWORD_OWNER", "hunter2")
    launch(["env"], tmp_path, tmp_path / "out")
    deadline = time.monotonic() + 5
    while "PATH=" not in (tmp_path / "out").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "PATH=" in (tmp_path / "out").read_text()
    assert "hunter2" not in (tmp_path / "out").read_text()
