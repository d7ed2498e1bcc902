"""What can happen to the disk that broker, Postgres and count have in common."""

import time

from tests.faults.history import History

# Written within a second.
LEFT_BYTES = 16_384


def disk_full(made: History) -> None:
    """The disk fills up under all of them; with room again, the engines that died are started."""
    made.place.disk.fill(left=LEFT_BYTES)
    time.sleep(made.randomly.uniform(3, 10))
    made.place.disk.make_room()
    made.place.up()
