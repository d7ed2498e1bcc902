"""Looking at a database in the background while something is measured."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def looking(conninfo: str, look: Callable[[psycopg.Connection], None], every_seconds: float) -> Iterator[None]:
    """Look every so often, each time in one snapshot, on a connection and a thread of its own while the body runs."""
    done = threading.Event()

    def look_on() -> None:
        with psycopg.connect(conninfo) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not done.wait(every_seconds):
                look(connection)
                connection.rollback()

    thread = threading.Thread(target=look_on, name="looking")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
