"""Fixtures of tests that crash engines: whatever a test did to them, the next one finds them running."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines import stack
from engines.home import Home


@pytest.fixture
def restarted(engines_home: Path) -> Iterator[Callable[[], None]]:
    """Start again the engines of the session that were killed or stopped; done at the end in any case."""
    home = Home(engines_home)

    def start() -> None:
        stack.up(home)

    yield start
    start()
