"""The partitions of assets: one per election, its key the election's id."""

import dagster as dg

elections = dg.DynamicPartitionsDefinition(name="elections")
