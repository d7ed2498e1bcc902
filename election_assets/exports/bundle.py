"""The evidence bundle: every export of an election, what it follows from, and how to check that nothing changed."""

import hashlib

import msgspec

from audit.evidence import MANIFEST
from audit.evidence import NAME as EVIDENCE
from election_assets.exports import Document
from election_assets.exports.nist import nist_document
from election_assets.exports.openelections import openelections_document
from election_assets.exports.rows import Snapshot
from election_assets.exports.tables import csv_documents, parquet_documents

_README = """# {name}

Results as of {counted_at}, status {status}, exported {exported_at}.{test}{withheld}

## Check that nothing changed

```sh
sha256sum -c {manifest}      # on macOS: shasum -a 256 -c {manifest}
```

Every line must end with `OK`. `{manifest}` itself vouches for nothing that came with it: compare its own SHA-256
(`sha256sum {manifest}`) with the one that the office published elsewhere.

## What the figures follow from

The votes topic is the record. {position} of its offsets were judged (recount {recount}): {counted} messages were
counted as ballots, {rejected} rejected by a rule, {quarantined} not understood or not placed; {holes} offsets hold
none. They were judged by the frozen registry whose SHA-256 is

    {registry_hash}

as the opening published it to `elections_topic`. `election.json` has position and hash for programs.{evidence}

## Files

| file | holds |
|---|---|
| `{nist}` | a report of NIST SP 1500-100 v2, at precinct level |
| `{openelections}` | a precinct file in the layout of OpenElections |
| `results` | votes, one row per candidate, precinct and method; the office's corrections apart and added up |
| `contests` | ballots, votes, undervotes and overvotes, one row per contest, precinct and method |
| `ballots` | ballots and blank ones, one row per precinct and method |
| `turnout` | registered voters and ballots, one row per reporting unit of any level: not to be summed over levels |
| `history` | the results as they stood, one row per moment and candidate |
| `election.json` | the election, its position and the registry's hash |{evidence_row}

Tables are there as CSV (UTF-8) and as Parquet with the same columns. In CSV, a text that a spreadsheet would take for a
formula has an apostrophe before it.
"""

_EVIDENCE = f"""

A second program, which shares no code with the count, recounted the log when this was exported, and came to these
figures, the office's corrections apart. `{EVIDENCE}` has what each partition held, and a SHA-256 for every 4,096
offsets. Whoever may read the log can hold it against this folder later, and is told what was changed and where:

```sh
election verify {{election_id}} --against .
```"""
_EVIDENCE_ROW = (
    f"\n| `{EVIDENCE}` | the log as it was recounted: messages by verdict, and a SHA-256 for every 4,096 offsets |"
)


def bundle_documents(snapshot: Snapshot) -> list[Document]:
    """Return the files of the bundle, the manifest of all others last."""
    nist, openelections = nist_document(snapshot), openelections_document(snapshot)
    stated = Document("election.json", msgspec.json.format(msgspec.json.encode(snapshot.election), indent=2) + b"\n")
    tables = [*csv_documents(snapshot), *parquet_documents(snapshot)]
    readme = Document("README.md", _readme(snapshot, nist.name, openelections.name).encode())
    evidence = [] if snapshot.evidence is None else [Document(EVIDENCE, snapshot.evidence)]
    documents = [readme, stated, *evidence, nist, openelections, *tables]
    return [*documents, Document(MANIFEST, manifest_of(documents))]


def manifest_of(documents: list[Document]) -> bytes:
    """Return the SHA-256 of each file, as `sha256sum -c` reads it."""
    lines = (f"{hashlib.sha256(one.content).hexdigest()}  {one.name}\n" for one in documents)
    return "".join(lines).encode()


def _readme(snapshot: Snapshot, nist: str, openelections: str) -> str:
    election = snapshot.election
    withheld = " Choices are withheld until the polls close: no file tells any figure of a candidate."
    return _README.format(
        name=election.election_name,
        counted_at=f"{election.counted_at:%Y-%m-%d %H:%M:%S %Z}" if election.counted_at else "before the first commit",
        status=f"`{election.status}`",
        exported_at=f"{election.exported_at:%Y-%m-%d %H:%M:%S %Z}",
        test=" This is a rehearsal: its figures mean nothing." if election.is_test else "",
        withheld=withheld if snapshot.is_withheld else "",
        manifest=MANIFEST,
        position=f"{election.position:,}",
        recount=election.recount,
        counted=f"{election.counted_count:,}",
        rejected=f"{election.rejected_count:,}",
        quarantined=f"{election.quarantined_count:,}",
        holes=f"{election.hole_count:,}",
        registry_hash=election.registry_hash or "none: the election is a draft, and nothing is frozen",
        evidence=_EVIDENCE.format(election_id=election.election_id) if snapshot.evidence else "",
        evidence_row=_EVIDENCE_ROW if snapshot.evidence else "",
        nist=nist,
        openelections=openelections,
    )
