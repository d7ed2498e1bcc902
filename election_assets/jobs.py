"""The jobs: runs that people and schedules ask for by name."""

import dagster as dg

from election_assets.assets.files import loaded_files
from election_assets.assets.ledger import counted_ballots
from election_assets.assets.verifications import verifications

_MARTS = dg.AssetSelection.groups("marts")

load_file_job = dg.define_asset_job(
    "load_file_job",
    selection=dg.AssetSelection.assets(loaded_files),
    description="Load one file of voters, candidates or ballots into one election.",
)

count_ballots_job = dg.define_asset_job(
    "count_ballots_job",
    selection=dg.AssetSelection.assets(counted_ballots),
    description="Judge what one election's log holds and is not judged yet.",
    # Where runs queue up, counting comes first.
    tags={"dagster/priority": "10"},
)

verify_log_job = dg.define_asset_job(
    "verify_log_job",
    selection=dg.AssetSelection.assets(verifications),
    description="Recount one election's log by a second program, and compare with its ledger.",
    tags={"dagster/priority": "-10"},
)

build_marts_job = dg.define_asset_job(
    "build_marts_job",
    selection=_MARTS,
    description="Build the dbt models of all elections, and test them.",
)

check_marts_job = dg.define_asset_job(
    "check_marts_job",
    selection=_MARTS - _MARTS.without_checks(),
    description="Test the marts of all elections as they stand, and build nothing.",
    tags={"dagster/priority": "-10"},
)

whole_road_job = dg.define_asset_job(
    "whole_road_job",
    selection=dg.AssetSelection.all().materializable(),
    description="Take one election the whole road: registered, opened, cast, counted, built and reconciled.",
)
