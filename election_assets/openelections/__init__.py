"""The importer of OpenElections precinct files: a published file becomes an election, its contradictions beside it."""

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from election_assets.domain.election import Election, Method, check_election_id
from election_assets.domain.figures import official_figures
from election_assets.domain.folder_text import MAX_COUNT, MAX_NUMBER
from election_assets.domain.plain_text import visible
from election_assets.errors import PermanentError
from election_assets.openelections.ballot_papers import with_ballot_papers
from election_assets.openelections.building import Builder
from election_assets.openelections.gaps import gap_notes, left_out_notes
from election_assets.openelections.notes import replay_differences
from election_assets.openelections.rows import plain_cell, read_table

_EXAMPLES_PER_KIND = 3


def import_openelections(
    path: Path,
    election_id: str,
    name: str | None = None,
    date: datetime.date | None = None,
    votes_allowed: Mapping[str, int] | None = None,
    seed: int = 1,
    source: str | None = None,
) -> Election:
    """Make an election out of a precinct file of one county or a whole state.

    Date, name and type come from the file's name where they are not given; `votes_allowed` is by office and 1
    where nothing is said. Every contradiction in the file becomes a row, none an error. Raises PermanentError
    where the file is not of the layout, or the date is neither given nor in its name.
    """
    check_election_id(election_id)
    table = read_table(path)
    builder = Builder(table.rows)
    file_name = _FileName(path.name)
    election_date = date or file_name.election_date()
    contests = builder.contests(votes_allowed or {})
    draft = Election(
        election_id=election_id,
        election_name=plain_cell(name or "") or _name(builder, file_name, election_date),
        election_date=election_date,
        election_type=file_name.election_type,
        methods=tuple(Method),
        contests=contests,
        reporting_units=builder.reporting_units(file_name.state),
        ballot_styles=(),
        precinct_ballot_styles=(),
        seed=seed,
        source=source or _source(path),
        official_results=builder.official_results(),
        official_ballots=builder.official_ballots(),
    )
    election = with_ballot_papers(draft, builder.contest_ids())
    _check_sizes(path, election)
    notes = (*left_out_notes(table), *builder.notes, *gap_notes(election), *election.contradictions)
    return replace(election, contradictions=(*notes, *replay_differences(election)))


def _check_sizes(path: Path, election: Election) -> None:
    counts = [*official_figures(election).values(), *(row.voter_count for row in election.precinct_ballot_styles)]
    if max(map(abs, counts)) > MAX_COUNT:
        raise PermanentError(
            f"The figures of {visible(path)} come to {max(map(abs, counts)):,} in one precinct, and no more than "
            f"{MAX_COUNT:,} can be counted: correct the largest of them."
        )
    sizes = [len(contest.candidates) for contest in election.contests]
    if max(len(election.contests), len(election.ballot_styles), *sizes) > MAX_NUMBER:
        raise PermanentError(
            f"{visible(path)} has more than {MAX_NUMBER:,} contests, candidates of one contest or ballot styles: "
            "divide it by county."
        )


class _FileName:
    """What the name of an OpenElections file says: `20201103__pa__general__adams__precinct.csv` and the like."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._words = re.split(r"_+|\.", name.lower())
        at = next((at for at, word in enumerate(self._words) if re.fullmatch(r"\d{8}", word)), None)
        self._day = self._words[at] if at is not None else None
        following = self._words[at + 1] if at is not None and at + 1 < len(self._words) else ""
        self.state = following if re.fullmatch(r"[a-z]{2}", following) else ""
        types = [word for word in self._words if word in ("primary", "special", "runoff", "general")]
        self.election_type = types[0] if types else "general"

    def election_date(self) -> datetime.date:
        """Return the date; raises PermanentError where there is none."""
        try:
            return datetime.date.fromisoformat(self._day or "")
        except ValueError as error:
            raise PermanentError(
                f"The name of {self._name} has no date in it, as in 20201103__pa__general__adams__precinct.csv: "
                "give the election's date."
            ) from error


def _name(builder: Builder, file_name: _FileName, election_date: datetime.date) -> str:
    state = file_name.state.upper()
    county = "" if builder.has_several_counties or not builder.county else f"{builder.county} County"
    where = ", ".join(part for part in (county, state) if part)
    return f"{where or 'Imported'}: {file_name.election_type} election of {election_date}"


def _source(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"OpenElections precinct file {plain_cell(path.name)} (SHA-256 {digest})."


def report_lines(election: Election) -> list[str]:
    """Say what was imported, and per kind of contradiction how often it stands there, with examples."""
    units, rows = election.precincts, election.contradictions
    replayed = sum(1 for row in rows if row.replayed_count is not None)
    lines = [
        f"{election.election_name}: {len(election.contests)} contests, {len(units)} precincts, "
        f"{election.voter_count:,} voters on the roll, {len(official_figures(election)):,} official cells.",
        f"{len(rows)} contradictions in the source; {replayed} official cells are replayed with another figure.",
    ]
    for kind, count in Counter(row.kind for row in rows).items():
        lines.append(f"{kind}: {count}")
        examples = [row for row in rows if row.kind == kind][:_EXAMPLES_PER_KIND]
        for row in examples:
            place = (row.precinct_id, row.contest_id, row.candidate_id, row.method, row.cell)
            named = " / ".join(str(part) for part in place if part)
            lines.append(f"  {named}: found {row.found}; expected {row.expected}; {row.action}")
        if count > len(examples):
            lines.append(f"  … and {count - len(examples)} more in contradictions.csv")
    return lines
