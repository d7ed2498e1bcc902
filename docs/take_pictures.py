"""The README's pictures: `make pictures` takes them of Adams' election night while `election live` counts it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from engines import stack
from engines.home import Home
from tests.support.browser import chromium

PICTURES = Path(__file__).parent / "pictures"
# Slow enough that the night goes on while the pictures are taken.
ELECTION, RATE = "adams-2020", 120
# The history is told once a minute, and on a busy machine later.
_WAIT_MS = 400_000
_SETTLED_MS = 3_000


@contextmanager
def night() -> Iterator[dict[str, str]]:
    """Count Adams in a home of its own; yields the addresses of Dagster and of the results page."""
    folder = Path(tempfile.mkdtemp(prefix="election-pictures-"))
    # Postgres runs as another user where this one is root, and must be able to reach its data.
    folder.chmod(0o755)
    environment = {**os.environ, "ELECTION_HOME": str(folder)}
    command = [sys.executable, "-m", "election_assets", "live", ELECTION, "--rate", str(RATE)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield _addresses(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)
        stack.down(Home(folder))
        shutil.rmtree(folder, ignore_errors=True)


def _addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stderr is not None
    found: dict[str, str] = {}
    while len(found) < 2:
        line = process.stderr.readline()
        if not line:
            raise SystemExit(f"`election live` ended with exit code {process.wait()}.")
        if said := re.match(r"(Dagster|Results): (http://[\d.:]+)", line):
            found[said[1]] = said[2]
    return found


def take(page: Page, name: str) -> None:
    """Keep what the page shows once it is still."""
    page.wait_for_timeout(_SETTLED_MS)
    page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    """Take all pictures."""
    with night() as addresses, chromium() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 1200})
        page.goto(f"{addresses['Results']}/?election={ELECTION}")
        expect(page.get_by_role("heading", name="How it went")).to_be_visible(timeout=_WAIT_MS)
        take(page, "results")
        page.goto(f"{addresses['Results']}/areas?election={ELECTION}")
        expect(page.get_by_role("heading", name="Side by side")).to_be_visible(timeout=_WAIT_MS)
        take(page, "areas")
        page.set_viewport_size({"width": 1360, "height": 560})
        page.goto(f"{addresses['Dagster']}/asset-groups")
        for group in ("registry", "votes", "ledger", "marts", "reports"):
            expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=_WAIT_MS)
        take(page, "graph")


if __name__ == "__main__":
    main()
