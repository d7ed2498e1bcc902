"""When the marts are built by themselves."""

from typing import Any

import dagster as dg

_is_missing: Any = dg.AutomationCondition.missing()
_is_changed: Any = dg.AutomationCondition.code_version_changed()
_has_failed: Any = dg.AutomationCondition.execution_failed()
_every_five_minutes: Any = dg.AutomationCondition.cron_tick_passed("*/5 * * * *")

# The live marts are views: always as fresh as the last commit, so they are built when they are missing or changed.
BUILT_WHEN_CHANGED: Any = (
    (_is_missing & (~_has_failed | _every_five_minutes)).with_label("missing; after a failure every five minutes")
    | _is_changed.since_last_handled().with_label("its SQL changed")
) & ~dg.AutomationCondition.in_progress()

marts_automation = dg.AutomationConditionSensorDefinition(
    "marts_automation",
    target=dg.AssetSelection.groups("marts"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    description="Builds the dbt models that are missing or whose SQL changed, with what hangs on them.",
)
