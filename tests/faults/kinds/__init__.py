"""What can happen to a count: each kind does it once, and returns when whatever it took away is there again.

What the kinds do not start again (a load or a count that has ended) the history does, as whoever runs it would.
"""

from collections.abc import Callable

from tests.faults.clocks import LACKING
from tests.faults.history import History
from tests.faults.kinds import clocks, dagster, disks, engines, processes, wires
from tests.faults.place import Place

Kind = Callable[[History], None]


def named(*kinds: Kind) -> dict[str, Kind]:
    return {kind.__name__: kind for kind in kinds}


KINDS = named(
    engines.broker_killed,
    engines.broker_stopped,
    engines.broker_without_disk,
    engines.postmaster_killed,
    engines.postgres_stopped,
    engines.postgres_without_disk,
    engines.postgres_restored,
    engines.postgres_restored_from_before_opening,
    engines.backend_killed,
    engines.backend_ended,
    engines.position_locked,
    processes.load_killed,
    processes.jvm_killed,
    processes.driver_killed,
    processes.worker_killed,
    processes.worker_stopped,
    processes.count_stopped_beside_its_successor,
    processes.checkpoint_without_disk,
    wires.postgres_wire_slow,
    wires.postgres_wire_cut,
    wires.commit_unanswered,
    wires.broker_wire_slow,
    wires.broker_wire_cut,
    wires.acknowledgement_unanswered,
    clocks.broker_clock_jumps,
    clocks.postgres_clock_jumps,
    clocks.jvm_clock_jumps,
    disks.disk_full,
)
# Where Dagster counts. The others are of one process of the count's own, or take Dagster's storage back in time.
BY_DAGSTER = named(
    dagster.dagster_run_killed,
    dagster.daemon_killed,
    engines.broker_killed,
    engines.broker_stopped,
    engines.postmaster_killed,
    engines.postgres_stopped,
    engines.backend_killed,
    engines.backend_ended,
    engines.position_locked,
    processes.load_killed,
    processes.jvm_killed,
    processes.worker_killed,
    wires.postgres_wire_slow,
    wires.postgres_wire_cut,
    wires.commit_unanswered,
    wires.broker_wire_slow,
    wires.broker_wire_cut,
    wires.acknowledgement_unanswered,
    clocks.broker_clock_jumps,
    clocks.postgres_clock_jumps,
    disks.disk_full,
)


def lacking(place: Place) -> dict[str, str]:
    """Return the kinds that cannot happen on this machine, each with a sentence that says why."""
    jumps = {kind: LACKING for kind in KINDS if kind.endswith("clock_jumps")}
    return {kind: why for kind, why in {**jumps, "disk_full": place.disk.lacking}.items() if why}
