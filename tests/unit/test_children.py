"""Claims about the servers that `election dev` starts: none outlives it, and one that dies is explained."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil

from election_assets.children import Child, interruptions, started

# A server with a child of its own, both deaf to Ctrl-C.
DEAF = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True);"
)


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def ended(child: Child) -> str | None:
    child.process.wait(10)
    return child.ended()


def test_a_server_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = python("import sys; sys.exit('the port is taken')")
    with started("The page", command, 1, os.environ, tmp_path / "page.log") as child:
        sentence = ended(child)
    assert sentence is not None
    assert sentence.startswith("The page ended with exit code 1.")
    assert "the port is taken" in sentence


def test_a_server_that_runs_has_not_ended(tmp_path: Path) -> None:
    with started("The page", python("import time; time.sleep(600)"), 1, os.environ, tmp_path / "log") as child:
        assert child.ended() is None
    assert child.process.poll() is not None


def test_what_a_server_started_does_not_outlive_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = python(DEAF + "time.sleep(1)")
    with started("Dagster", command, 1, os.environ, log) as child:
        while not log.read_text(encoding="utf-8").strip():
            time.sleep(0.05)
        grandchild = psutil.Process(int(log.read_text(encoding="utf-8")))
        child.process.wait(10)
        assert grandchild.is_running()
    gone, _ = psutil.wait_procs([grandchild], timeout=5)
    assert gone or grandchild.status() == psutil.STATUS_ZOMBIE


def test_ctrl_c_is_noted_and_its_meaning_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptions() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted()
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_terminal_does_not_reach_the_servers(tmp_path: Path) -> None:
    with started("Dagster", python("import time; time.sleep(600)"), 1, os.environ, tmp_path / "log") as child:
        assert os.getpgid(child.process.pid) != os.getpgid(0)
