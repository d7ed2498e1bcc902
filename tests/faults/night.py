"""The count of a history under Dagster: its code server and its daemon, each started again where it dies.

`python -m tests.faults.night ELECTION`.
"""

import os
import sys
import time
from contextlib import ExitStack

from election_assets import servers
from election_assets.children import interruptions
from election_assets.instance import only_one, write_instance
from election_assets.live import revive
from election_assets.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    write_instance(settings.home)
    with only_one(settings.home), interruptions() as interrupted, ExitStack() as leaving:
        servers.prepare(settings, sys.argv[1])
        code = leaving.enter_context(servers.code_server(settings))
        servers.await_all([code], interrupted)
        daemon = leaving.enter_context(servers.daemon(settings))
        while not interrupted():
            revive([code, daemon])
            time.sleep(servers.POLL_SECONDS)
