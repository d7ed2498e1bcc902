"""The registry's tables: what an election is, as its office says. One registration writes them all."""

import time
from collections.abc import Iterator

import dagster as dg

from election_assets.assets.outcomes import RETRIES, plain_failures, tables_written
from election_assets.domain.election_folder import find_election_folder, read_election
from election_assets.partitions import elections
from election_assets.people import people_on_roll
from election_assets.registry import register
from election_assets.resources.lazy_settings import LazySettings

TABLES = {
    "elections": "Elections with their hours, status and way of publishing. One row per election.",
    "election_methods": "How ballots may come in. One row per election and method.",
    "contests": "What is voted on. One row per contest.",
    "candidates": "Everyone who can be voted for: the ballot paper, not the result. One row per contest and candidate.",
    "reporting_units": "Precincts and the units they lie in. One row per unit.",
    "ballot_styles": "Which ballot papers there are. One row per style.",
    "ballot_style_contests": "What is on each ballot paper. One row per style and contest.",
    "precinct_ballot_styles": "The ballot papers of each precinct, with the size of their roll. One row per both.",
    "voters": "The roll. One row per voter: an opaque id, one precinct, one ballot style.",
    "voter_profiles": "Names and addresses of the voters, kept apart from the roll. One row per voter.",
    "official_results": "Candidates' votes as a past election's source published them. One row per published cell.",
    "official_ballots": "Ballots cast as the source published them. One row per precinct and method.",
    "baselines": "Which election this one is compared with. One row per election that has one.",
    "contradictions": "What the source contradicts in itself, and what was done about it. One row per contradiction.",
}
KEYS = [dg.AssetKey(["registry", table]) for table in TABLES]

adjustments = dg.AssetSpec(
    ["registry", "adjustments"],
    deps=[["registry", "candidates"], ["registry", "reporting_units"]],
    partitions_def=elections,
    description="Corrections of totals, made by `election adjust` and only ever added. One row per adjustment.",
    group_name="registry",
    owners=["team:registrar"],
    kinds={"postgres"},
)


@dg.multi_asset(
    name="registered_election",
    description="Load an election folder into the registry, as a draft; what is registered already stays.",
    specs=[
        dg.AssetSpec(["registry", table], description=description, owners=["team:registrar"], kinds={"postgres"})
        for table, description in TABLES.items()
    ],
    partitions_def=elections,
    retry_policy=RETRIES,
    group_name="registry",
)
def registered_election(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[LazySettings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Register the election whose folder has the partition's name."""
    with plain_failures():
        found = settings.read()
        started = time.monotonic()
        election = read_election(find_election_folder(context.partition_key))
        done = register(found.conninfo("registrar"), election, people_on_roll(found.people, election))
        state = "registered" if done.is_new else "was registered before, with the same contents"
        context.log.info(f"{done.election_id} {state}: {done.contest_count} contests, {done.voter_count:,} voters.")
        figures = {"is_new": done.is_new, "is_open": done.is_open, "seconds": round(time.monotonic() - started, 2)}
        yield from tables_written(found.conninfo("registrar"), "registry", TABLES, done.election_id, figures)
