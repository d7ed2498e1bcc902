"""The count of a history: one run after the other in one JVM, as long as a later one may succeed.

`python -m tests.faults.count ELECTION`. It ends with a PermanentError, where its JVM is gone or a micro-batch was stuck
in it, and after SIGUSR1 with the run that is under way, as a run of Dagster's does.
"""

import os
import signal
import sys
import threading
import time

from election_assets.counting import count_settings, session_for
from election_assets.errors import TransientError
from election_assets.settings import Settings
from spark.stream import count

# A batch that is stopped in the middle is given up before the test's patience ends.
STUCK_SECONDS = 30.0
# Micro-batches small enough for faults to meet every part of one, and large enough to catch up with a whole log.
LIMIT = 1_000

if __name__ == "__main__":
    is_last = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: is_last.set())
    settings = Settings.from_environment(os.environ)
    session = session_for(settings)
    while True:
        run = count_settings(
            settings, sys.argv[1], idle_seconds=3600, stuck_seconds=STUCK_SECONDS, max_offsets_per_trigger=LIMIT
        )
        try:
            count(session, run)
        except TransientError as error:
            sys.stderr.write(f"{error}\n")
            if is_last.is_set() or any(words in str(error) for words in ("JVM", "did not end")):
                sys.exit(1)
            time.sleep(0.2)
