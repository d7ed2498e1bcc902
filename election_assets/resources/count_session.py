"""Spark for the count, as a resource: dagster-pyspark's lazy session, started the way the command line starts it."""

from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field

from election_assets.resources.lazy_settings import LazySettings


class CountSession(LazyPySparkResource):
    """A session that starts when a count asks for it; what its JVM says goes to the log in the home."""

    spark_config: dict[str, Any] = Field(default={}, description="What wins over the count's own configuration.")
    settings: dg.ResourceDependency[LazySettings]

    def _init_session(self) -> None:
        # Spark's modules take a second to load, which only a count needs.
        from election_assets.counting import session_for

        if self._spark_session is None:
            session = session_for(self.settings.read(), self.spark_config)
            self._spark_session = session  # type: ignore[assignment]  # declared with nothing but its None
