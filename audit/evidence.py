"""The evidence of a bundle: what its log held, segment by segment, to be held against the log at any later time."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from audit.checks import Comparison
from audit.marts import added_up, without_styles
from audit.partition import Recounted, Sources, connected
from audit.recount import Cell
from audit.registry import read_registry
from audit.segments import LENGTH, Segment
from audit.verification import Report, Verification, held_against_freeze, numbered, recount_log
from election_assets.errors import PermanentError

NAME = "verification.json"
MANIFEST = "SHA256SUMS"
_FORMAT = 1

# The bundle's tables: the ledger's that they show, the columns that name a cell, and its sums.
_TABLES = {
    "results.csv": ("tallies", ("contest_id", "candidate_id", "precinct_id", "method"), ("vote_count",)),
    "contests.csv": (
        "contest_ballots",
        ("contest_id", "precinct_id", "method"),
        ("ballot_count", "undervote_count", "overvote_count"),
    ),
    "ballots.csv": ("ballot_counts", ("precinct_id", "method"), ("ballot_count",)),
}
# What tells a choice is not there before the polls close.
_NEVER_WITHHELD = "ballots.csv"


class MadeCheck(msgspec.Struct, frozen=True):
    """A check that passed when the bundle was made."""

    number: int
    name: str
    compared: int


class PartitionEvidence(msgspec.Struct, frozen=True):
    """What the offsets [0, end_offset) of a partition held."""

    partition: int
    end_offset: int
    counted: int
    rejected: int
    quarantined: int
    holes: int
    segments: list[Segment]


class Evidence(msgspec.Struct, frozen=True):
    """What the log of an election held when a bundle was made, and the registry it was judged by."""

    format: int
    election_id: str
    registry_hash: str
    topic_id: str
    position: int
    is_withheld: bool
    segment_length: int
    checks: list[MadeCheck]
    partitions: list[PartitionEvidence]


def evidence_of(found: Verification, *, is_withheld: bool) -> bytes:
    """Spell a verification for a bundle."""
    evidence = Evidence(
        _FORMAT,
        found.election_id,
        found.registry_hash,
        found.topic_id,
        found.position,
        is_withheld,
        LENGTH,
        [MadeCheck(one.number, one.name, one.compared) for one in found.checks],
        [
            PartitionEvidence(
                one.partition,
                one.end_offset,
                one.position.counted,
                one.position.rejected,
                one.position.quarantined,
                one.position.holes,
                one.segments,
            )
            for one in found.partitions
        ],
    )
    return msgspec.json.format(msgspec.json.encode(evidence), indent=1) + b"\n"


def verify_against(
    sources: Sources, snapshot: str, bundle: Path, report: Report, processes: int | None = None
) -> Verification:
    """Recount the log as far as a bundle of it reaches, and hold it against what the bundle says.

    Of the database only the registry is asked. Raises PermanentError for a folder that is no bundle, or one of another
    election, and what `verify` raises.
    """
    evidence = _read(bundle)
    if evidence.election_id != sources.election_id:
        raise PermanentError(
            f"{bundle} is a bundle of {evidence.election_id!r}, not of {sources.election_id!r}: name that election."
        )
    ends = {one.partition: one.end_offset for one in evidence.partitions}
    with connected(sources.auditor, snapshot) as connection:
        registry = read_registry(connection, sources.election_id)
        log, partitions = recount_log(sources, snapshot, ends, report, processes, against_ledger=False)
        freeze = held_against_freeze(sources, connection, registry)
    frozen = {name: getattr(evidence, name) for name in ("registry_hash", "topic_id")}
    freeze.hold(frozen, {name: getattr(registry, name) for name in frozen}, "the bundle's")
    comparisons = {
        "files of the bundle": _files(bundle),
        "the freeze": freeze,
        "the log": log,
        "segments of the log": _segments(evidence, partitions),
        "verdicts by partition": _verdicts(evidence, partitions),
    }
    for file, (table, keys, sums) in _TABLES.items():
        if file == _NEVER_WITHHELD or not evidence.is_withheld:
            cells = added_up(one.cells[table] for one in partitions)
            if table == "ballot_counts":
                cells = without_styles(cells)
            comparisons[file] = Comparison()
            comparisons[file].hold(_rows(bundle / file, keys, sums), cells, "cell")
    return Verification(
        sources.election_id, registry.registry_hash, registry.topic_id, numbered(comparisons), partitions
    )


def _read(bundle: Path) -> Evidence:
    place = bundle / NAME
    try:
        evidence = msgspec.json.decode(place.read_bytes(), type=Evidence)
    except OSError as error:
        raise PermanentError(
            f"{bundle} is no bundle: its {NAME} cannot be read ({error.strerror}). Name a folder that "
            "`election export --format bundle` wrote."
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PermanentError(f"{place} was changed or damaged ({error}). Use another copy of the bundle.") from error
    if evidence.format != _FORMAT or evidence.segment_length != LENGTH:
        raise PermanentError(
            f"{place} has format {evidence.format} and segments of {evidence.segment_length}; this version reads "
            f"format {_FORMAT} with segments of {LENGTH}. Use the version that wrote it."
        )
    return evidence


def _files(bundle: Path) -> Comparison:
    """Hold the files of a bundle against its manifest, which has a SHA-256 and a name on each line."""
    try:
        lines = (bundle / MANIFEST).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    manifest = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.iterdir()
        if path.is_file() and path.name != MANIFEST
    }
    comparison = Comparison()
    comparison.hold(manifest, found, "file")
    return comparison


def _segments(evidence: Evidence, partitions: Sequence[Recounted]) -> Comparison:
    comparison = Comparison()
    for stated, one in zip(evidence.partitions, partitions, strict=True):
        expected, found = (
            {(segment.first_offset, segment.end_offset): segment.sha256 for segment in segments}
            for segments in (stated.segments, one.segments)
        )
        comparison.hold(expected, found, "offsets", one.partition)
    return comparison


def _verdicts(evidence: Evidence, partitions: Sequence[Recounted]) -> Comparison:
    names = ("counted", "rejected", "quarantined", "holes")
    comparison = Comparison()
    for stated, one in zip(evidence.partitions, partitions, strict=True):
        expected = {name: getattr(stated, name) for name in names}
        comparison.hold(expected, {name: getattr(one.position, name) for name in names}, "messages", one.partition)
    return comparison


def _rows(place: Path, keys: Sequence[str], sums: Sequence[str]) -> dict[Cell, list[int | str]]:
    """Return what a table of the bundle says; nothing where it cannot be read, which the manifest tells too."""
    try:
        with place.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error):
        return {}
    # An id that a spreadsheet would take for a formula has an apostrophe before it, which no id has.
    cells = {
        tuple((row.get(key) or "").removeprefix("'") for key in keys): [_number(row.get(one)) for one in sums]
        for row in rows
    }
    return {cell: amounts for cell, amounts in cells.items() if any(amounts)}


def _number(text: str | None) -> int | str:
    return int(text) if text and text.isdecimal() else text or ""
