"""What a run has done so far, and how the count of an election goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from spark.ledger import Committed


@dataclass(frozen=True, slots=True)
class CountFigures:
    """What a run has done. `position` and `log_end` are summed over partitions; the lag is between them."""

    run_id: str
    batches: int = 0
    messages: int = 0
    counted: int = 0
    rejected: int = 0
    quarantined: int = 0
    holes: int = 0
    position: int = 0
    log_end: int = 0
    ended_why: str = ""

    def after(self, committed: Sequence[Committed], position: int) -> Self:
        """Return the figures after one more micro-batch, which took the ledger to `position`."""
        return replace(
            self,
            batches=self.batches + 1,
            messages=self.messages + sum(one.messages for one in committed),
            counted=self.counted + sum(one.counted for one in committed),
            rejected=self.rejected + sum(one.rejected for one in committed),
            quarantined=self.quarantined + sum(one.quarantined for one in committed),
            holes=self.holes + sum(one.holes for one in committed),
            position=position,
            log_end=max(self.log_end, position),
        )
