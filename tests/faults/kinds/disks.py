"""What can happen to the disk that broker, Postgres and count have in common."""

from tests.faults.history import History
from tests.support.disks import MIB


def disk_full(made: History) -> None:
    """The disk fills up under all of them; with room again, the engines that died are started."""
    made.place.disk.fill(left=MIB)
    made.pause(10)
    made.place.disk.make_room()
    made.place.up()
