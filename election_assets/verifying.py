"""Verifying: the independent recount of an election's log, asked for with this installation's settings."""

from pathlib import Path

from audit.evidence import verify_against
from audit.partition import Sources
from audit.verification import Report, Verification, held_still, verify
from election_assets.domain.topics import votes_topic_of
from election_assets.settings import Settings


def sources_of(settings: Settings, election_id: str) -> Sources:
    """Return where an election's log, ledger, registry and marts are."""
    return Sources(
        election_id=election_id,
        auditor=settings.conninfo("auditor"),
        reader=settings.conninfo("reader"),
        kafka=settings.kafka,
        votes_topic=votes_topic_of(election_id, settings.votes_topic),
        elections_topic=settings.elections_topic,
    )


def verify_election(settings: Settings, election_id: str, report: Report = lambda _done, _total: None) -> Verification:
    """Recount what is judged of an election's log, and hold it against its ledger; raise what `verify` raises."""
    sources = sources_of(settings, election_id)
    with held_still(sources) as snapshot:
        return verify(sources, snapshot, report)


def verify_bundle(
    settings: Settings, election_id: str, bundle: Path, report: Report = lambda _done, _total: None
) -> Verification:
    """Recount the log as far as a bundle reaches, and hold it against that; raise what `verify_against` raises."""
    sources = sources_of(settings, election_id)
    with held_still(sources) as snapshot:
        return verify_against(sources, snapshot, bundle, report)
