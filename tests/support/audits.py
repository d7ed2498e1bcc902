"""The independent recount without engines: a registry made from an election, and its roll at hand."""

from collections.abc import Collection, Mapping

from audit.recount import PartitionRecount
from audit.registry import Contest, Names, Registry, Voter
from election_assets.domain.election import Election
from election_assets.domain.electorate import voters


def registry_of(election: Election, opens_at_ms: int | None = None, closes_at_ms: int | None = None) -> Registry:
    """Return the registry of an election as it would be read after its opening."""
    contests_of = {style.ballot_style_id: style.contest_ids for style in election.ballot_styles}
    styles: dict[str, dict[str, tuple[str, ...]]] = {
        unit.reporting_unit_id: {} for unit in election.reporting_units if unit.reporting_unit_type == "precinct"
    }
    for one in election.precinct_ballot_styles:
        styles[one.precinct_id][one.ballot_style_id] = contests_of[one.ballot_style_id]
    return Registry(
        election_id=election.election_id,
        election_number=1,
        partition_count=election.partition_count,
        registry_hash="0" * 64,
        topic_id="",
        opens_at_ms=opens_at_ms,
        closes_at_ms=closes_at_ms,
        methods=frozenset(method.value for method in election.methods),
        styles=styles,
        contests={
            one.contest_id: Contest(
                one.votes_allowed, frozenset(candidate.candidate_id for candidate in one.candidates)
            )
            for one in election.contests
        },
        units_above={unit.reporting_unit_id: unit.parent_id or "" for unit in election.reporting_units},
        names=Names({}, {}, {}, {}, {}),
    )


def recounts_of(election: Election, registry: Registry) -> list[PartitionRecount]:
    """Return a recount of each partition of an election, with its roll."""
    units = [unit.reporting_unit_id for unit in election.reporting_units]
    styles = [style.ballot_style_id for style in election.ballot_styles]
    rows = sorted(voters(election).rows(), key=lambda row: row[0].encode())
    roll = {
        row[0]: Voter(number, units[row[1] - 1], styles[row[2] - 1], row[3], row[4], None)
        for number, row in enumerate(rows)
    }

    def found(voter_ids: Collection[str]) -> Mapping[str, Voter]:
        return {voter_id: roll[voter_id] for voter_id in voter_ids if voter_id in roll}

    return [PartitionRecount(registry, partition, found) for partition in range(election.partition_count)]
