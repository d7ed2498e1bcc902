"""An election exported: read once, spelled in the formats asked for, written whole."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from audit.evidence import evidence_of
from audit.verification import held_still, verify
from election_assets.errors import PermanentError
from election_assets.exports import Document, Exported, ExportedFile, Format
from election_assets.exports.bundle import bundle_documents
from election_assets.exports.nist import nist_document
from election_assets.exports.openelections import openelections_document
from election_assets.exports.reading import read_snapshot
from election_assets.exports.rows import Snapshot
from election_assets.exports.tables import csv_documents, parquet_documents
from election_assets.exports.writing import write_file, write_folder
from election_assets.settings import Settings
from election_assets.verifying import sources_of

_ONE_FILE = {Format.NIST: nist_document, Format.OPENELECTIONS: openelections_document}
_FOLDER = {Format.CSV: csv_documents, Format.PARQUET: parquet_documents, Format.BUNDLE: bundle_documents}


def export_election(settings: Settings, election_id: str, formats: Sequence[Format], out: Path) -> Exported:
    """Export an election into the folder `out`, every format from the same snapshot of the marts.

    NIST and OpenElections are a file each, the others a folder `<id>-<format>`. For a bundle the log is recounted.
    Raises PermanentError for an unknown election, for marts that are not built, for a folder that is missing or cannot
    be written, and for a bundle of figures that the recount does not come to.
    """
    if Format.BUNDLE in formats:
        return write_snapshot(_with_evidence(settings, election_id), formats, out)
    return write_snapshot(read_snapshot(settings, election_id), formats, out)


def write_snapshot(snapshot: Snapshot, formats: Sequence[Format], out: Path) -> Exported:
    """Write what was read of an election; nothing is written before all of it is spelled."""
    election = snapshot.election
    spelled = {form: _documents(snapshot, form) for form in formats}
    files: list[ExportedFile] = []
    for form, documents in spelled.items():
        if form in _ONE_FILE:
            place = out
            write_file(place / documents[0].name, documents[0].content)
        else:
            place = out / f"{election.election_id}-{form.value}"
            write_folder(place, {one.name: one.content for one in documents})
        files += [_written(place, one) for one in documents]
    return Exported(election.election_id, election.position, snapshot.is_withheld, tuple(files))


def _with_evidence(settings: Settings, election_id: str) -> Snapshot:
    """Read an election and recount its log as of the same moment; a draft has no log."""
    sources = sources_of(settings, election_id)
    with held_still(sources) as exported:
        snapshot = read_snapshot(settings, election_id, exported)
        if snapshot.election.registry_hash is None:
            return snapshot
        found = verify(sources, exported, lambda _done, _total: None)
    if not found.has_passed:
        first = next(check.first for check in found.checks if check.first)
        raise PermanentError(
            f"{election_id!r} is not bundled, for its log does not come to its figures ({first}). "
            f"`election verify {election_id}` shows all that differs."
        )
    return replace(snapshot, evidence=evidence_of(found, is_withheld=snapshot.is_withheld))


def _documents(snapshot: Snapshot, form: Format) -> list[Document]:
    return [_ONE_FILE[form](snapshot)] if form in _ONE_FILE else _FOLDER[form](snapshot)


def _written(place: Path, document: Document) -> ExportedFile:
    digest = hashlib.sha256(document.content).hexdigest()
    return ExportedFile(place / document.name, len(document.content), digest, document.row_count)
