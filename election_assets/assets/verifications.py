"""The independent recount of an election's log, after its count: one row, and a check that says what it came to."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from audit.checks import Check
from election_assets.assets.ledger import TABLES
from election_assets.assets.outcomes import RETRIES, plain_failures
from election_assets.partitions import elections
from election_assets.resources.lazy_settings import LazySettings

VERIFICATIONS = dg.AssetKey(["ledger", "verifications"])
_COLUMNS = ("number", "name", "compared", "expected", "found", "differing", "first")


@dg.asset(
    key=VERIFICATIONS,
    group_name="ledger",
    deps=[dg.AssetKey(["ledger", table]) for table in TABLES],
    partitions_def=elections,
    retry_policy=RETRIES,
    owners=["team:auditor"],
    kinds={"kafka", "postgres"},
    # One at a time: each takes all cores, and a count may go on beside it.
    pool="verification",
    check_specs=[
        dg.AssetCheckSpec(
            "the_log_comes_to_the_ledger",
            asset=VERIFICATIONS,
            # What is downstream would show figures that nobody can stand for, and a failed run tells somebody.
            blocking=True,
            description="A recount by a second program comes to every verdict, ballot and vote of the ledger.",
        )
    ],
)
def verifications(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Independent recounts of the log, with what they came to. One row per recount."""
    from election_assets.verifying import verify_election

    started = time.monotonic()
    with plain_failures():
        found = verify_election(settings.read(), context.partition_key)
    sentence = found.sentence(time.monotonic() - started)
    context.log.info(sentence)
    metadata: dict[str, Any] = {
        "sentence": sentence,
        "messages": found.message_count,
        "position": found.position,
        "checks": _table(found.checks),
    }
    check = dg.AssetCheckResult(
        passed=found.has_passed,
        check_name="the_log_comes_to_the_ledger",
        description=next((one.first for one in found.checks if one.first), sentence),
    )
    yield dg.MaterializeResult(metadata=metadata, check_results=[check])


def _table(checks: tuple[Check, ...]) -> dg.MetadataValue:
    rows = ({name: getattr(check, name) for name in _COLUMNS} for check in checks)
    records = [dg.TableRecord({**row, "first": row["first"] or ""}) for row in rows]
    types = dict.fromkeys(("number", "compared", "differing"), "int")
    schema = dg.TableSchema([dg.TableColumn(name, types.get(name, "string")) for name in _COLUMNS])
    return dg.MetadataValue.table(records, schema)
