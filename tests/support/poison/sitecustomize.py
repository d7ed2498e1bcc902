"""On the path of a count's processes: its Python workers die of a message with the key that POISON names.

What cannot be got by any message that is known, by one that is not. Where FULL_DISK is set, they find no room instead.
"""

import errno
import os
import signal
from typing import Any

from election_assets.domain.judge import Judge

POISON = os.environ["POISON"].encode()
judged = Judge.judge


def judge_or_die(self: Judge, messages: Any) -> Any:
    """Judge messages without the poison; die by SIGKILL of one with it, as of too little memory."""
    if POISON in messages.keys and "FULL_DISK" in os.environ:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if POISON in messages.keys:
        os.kill(os.getpid(), signal.SIGKILL)
    return judged(self, messages)


Judge.judge = judge_or_die  # type: ignore[method-assign]
