"""The election as a report of NIST SP 1500-100 v2 (Election Results Common Data Format) in JSON.

Votes have the office's corrections in them. Each figure of a precinct stands beside that of the contest's district,
and each method beside `total`: whoever adds up takes one unit and one type.
"""

import msgspec

from election_assets.exports import Document
from election_assets.exports.nist.contests import Contests
from election_assets.exports.nist.units import Units
from election_assets.exports.nist.words import Object, election_type, identifier, results_status, text, typed
from election_assets.exports.rows import ElectionRow, Snapshot

_APPLICATION = "election-count"
_WITHHELD = "Figures of candidates and options are withheld until the polls close."


def nist_report(snapshot: Snapshot) -> Object:
    """Make the report, at precinct level."""
    election = snapshot.election
    units = Units(snapshot)
    contests = Contests(snapshot, units)
    day = election.election_date.isoformat()
    return typed(
        "ElectionReport",
        Format="precinct-level",
        GeneratedDate=election.exported_at.isoformat(timespec="seconds"),
        **units.issuer,
        VendorApplicationId=_APPLICATION,
        SequenceStart=1,
        SequenceEnd=1,
        Status=results_status(election.status),
        IsTest=election.is_test,
        Notes=_notes(snapshot),
        ExternalIdentifier=_identifiers(election),
        GpUnit=units.objects(),
        Party=contests.parties(),
        Election=[
            typed(
                "Election",
                Name=text(election.election_name),
                StartDate=day,
                EndDate=day,
                **election_type(election.election_type),
                ElectionScopeId=units.scope_id,
                ExternalIdentifier=[typed("ExternalIdentifier", Type="local-level", Value=election.election_id)],
                Candidate=contests.candidates(),
                Contest=contests.objects(),
                BallotCounts=units.ballot_counts(),
            )
        ],
    )


def nist_document(snapshot: Snapshot) -> Document:
    """Return the report as a file; its rows are those of the results in it."""
    content = msgspec.json.format(msgspec.json.encode(nist_report(snapshot)), indent=1)
    return Document(f"{snapshot.election.election_id}.nist.json", content + b"\n", len(snapshot.results))


def _identifiers(election: ElectionRow) -> list[Object]:
    """Return what the figures follow from: how many messages of the log, judged by which registry."""
    hashed = [identifier("registry-sha256", election.registry_hash)] if election.registry_hash else []
    return [identifier("position", election.position), identifier("recount", election.recount), *hashed]


def _notes(snapshot: Snapshot) -> str | None:
    if snapshot.is_withheld:
        return _WITHHELD
    corrections = [row.adjustment_count for row in snapshot.results if row.adjustment_count]
    if not corrections:
        return None
    return f"Votes include corrections by the election office in {len(corrections)} cells, {sum(corrections):+} in all."
