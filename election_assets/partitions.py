"""The partitions of assets: one per election, its key the election's id."""

import dagster as dg

from election_assets.instance import PARTITIONS

elections = dg.DynamicPartitionsDefinition(name=PARTITIONS)
