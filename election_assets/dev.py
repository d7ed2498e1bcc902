"""The development servers: Dagster and the results page over the home's engines, until Ctrl-C."""

import time
from contextlib import ExitStack

from election_assets import servers
from election_assets.children import Child, interruptions
from election_assets.console import progress, say
from election_assets.instance import only_one, write_instance
from election_assets.settings import Settings
from engines.ports import LOOPBACK

# The election of `make demo` can be chosen before anything is registered.
DEMO_ELECTION = "adams-2020"


def serve(settings: Settings) -> None:
    """Run the servers until Ctrl-C or SIGTERM; raise PermanentError where one of them ends by itself."""
    write_instance(settings.home)
    with only_one(settings.home), interruptions() as interrupted, ExitStack() as stack:
        with progress("Starting Dagster and the results page"):
            servers.prepare(settings, DEMO_ELECTION)
            dagster = stack.enter_context(servers.dagster_dev(settings))
            page = stack.enter_context(servers.page(settings, {dagster.port or 0}))
            servers.await_all([dagster, page], interrupted)
        if not interrupted():
            show_addresses(settings, dagster, page, DEMO_ELECTION)
            say(f"Ctrl-C stops both; the engines run until `election down`. Logs: {servers.logs(settings)}")
        while not interrupted():
            servers.raise_if_ended([dagster, page])
            time.sleep(servers.POLL_SECONDS)
        say("Stopping Dagster and the results page …")


def show_addresses(settings: Settings, dagster: Child, page: Child, election_id: str) -> None:
    """Say where to look."""
    # With the election chosen, “Materialize all” needs no more than a confirmation.
    say(f"Dagster: http://{LOOPBACK}:{dagster.port}/asset-groups?partition={election_id}")
    say(f"Results: http://{LOOPBACK}:{page.port}")
