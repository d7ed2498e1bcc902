"""A headless browser, and the screenshots that it keeps."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from election_assets.settings import PROJECT

SCREENSHOTS = PROJECT / ".ci" / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open the system's Chromium; skip the tests that need it where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("There is no Chromium on this machine: `apt-get install chromium` brings it to Debian.")
    with sync_playwright() as playwright:
        # Its sandbox needs what root and most containers do not have; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def kept(page: Page, name: str) -> None:
    """Keep what the page shows once it is still, as a picture that CI hands on."""
    page.wait_for_timeout(1_500)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
