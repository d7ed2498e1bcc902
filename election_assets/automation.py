"""When the marts are built by themselves: live views when their SQL changes, history when something was counted."""

from typing import Any

import dagster as dg

_is_missing: Any = dg.AutomationCondition.missing()
_is_changed: Any = dg.AutomationCondition.code_version_changed()
_has_failed: Any = dg.AutomationCondition.execution_failed()
_every_minute: Any = dg.AutomationCondition.cron_tick_passed("* * * * *")
_every_five_minutes: Any = dg.AutomationCondition.cron_tick_passed("*/5 * * * *")

# The live marts are views: always as fresh as the last commit, so they are built when they are missing or changed.
BUILT_WHEN_CHANGED: Any = (
    (_is_missing & (~_has_failed | _every_five_minutes)).with_label("missing; after a failure every five minutes")
    | _is_changed.since_last_handled().with_label("its SQL changed")
) & ~dg.AutomationCondition.in_progress()

_of_the_count = dg.AssetSelection.groups("ledger")

# What is kept of a night grows with its snapshots, which a live count takes every ten seconds. One election that was
# never counted, or whose count has just begun, holds up the history of no other.
FOLLOWS_THE_COUNT: Any = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & _every_minute.since_last_handled()
    & ~dg.AutomationCondition.any_deps_missing().ignore(_of_the_count)
    & ~dg.AutomationCondition.any_deps_in_progress().ignore(_of_the_count)
    & ~dg.AutomationCondition.in_progress()
).with_label("something was counted, at most once a minute") | BUILT_WHEN_CHANGED

marts_automation = dg.AutomationConditionSensorDefinition(
    "marts_automation",
    target=dg.AssetSelection.groups("marts"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    # Looking at all models costs the daemon seconds of a core; no condition here is in more of a hurry.
    minimum_interval_seconds=30,
    description=(
        "Builds the dbt models that are missing or whose SQL changed, with what hangs on them, and goes on with the "
        "history while something is counted."
    ),
)
