"""The settings as a resource: read when an asset needs them, so that the graph loads before any engine runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from election_assets.settings import Settings


# Not a configurable resource: Dagster would show its configuration, passwords included, to whoever opens the page.
@dataclass(frozen=True, slots=True)
class LazySettings:
    """Where the outside systems are: the process's environment over the home's engines.env."""

    environ: Mapping[str, str] = field(repr=False)

    def read(self) -> Settings:
        """Return the settings as they are now; raise PermanentError, naming the remedy, before `election up`."""
        return Settings.from_environment(self.environ)
