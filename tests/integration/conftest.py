"""Fixtures of tests on real engines: they run again after each test, and have the marts where a test asks for them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from election_assets.dbt import dbt_environment, run_dbt
from election_assets.settings import Settings
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


@pytest.fixture(scope="session")
def marts(settings: Settings) -> Iterator[Callable[[], None]]:
    """Make the marts once; what is yielded brings their history up to now, as the views are by themselves.

    At the end of the session all promises on data are tested, on every election that its tests counted.
    """
    environment = {**os.environ, **dbt_environment(settings)}
    without_tests = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    run_dbt(["build", *without_tests], environment)

    def refresh() -> None:
        run_dbt(["run", "--selector", "history"], environment)

    yield refresh
    refresh()
    run_dbt(["test", "--selector", "promises"], environment)
