"""Candidates of a file, put on the ballot papers of a draft behind those who are there."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psycopg

from election_assets.domain.folder_text import Problems, Values
from election_assets.domain.verdict import Reason
from election_assets.loading.drafts import DUPLICATE, Draft
from election_assets.loading.rows import BadRow, Columns, Row
from election_assets.loading.sieve import Sieve

COLUMNS = Columns(
    required=("contest_id", "candidate_id", "candidate_name"),
    optional=("party", "is_write_in"),
    flags=("is_write_in",),
)


class Candidate(NamedTuple):
    """A line of a contest as a row says, with the number it gets there."""

    contest_id: str
    candidate_id: str
    candidate_number: int
    candidate_name: str
    party: str | None
    is_write_in: bool


def load_candidates(connection: psycopg.Connection, draft: Draft, sieve: Sieve) -> int:
    """Add the good rows to their contests; return how many they are."""
    papers = BallotPapers(_candidates_of(connection, draft.election_id))
    loaded = 0
    for candidates in sieve.lots(COLUMNS, papers.sift):
        connection.cursor().executemany(
            "insert into registry.candidates (election_id, contest_id, candidate_id, candidate_number, candidate_name,"
            " party, is_write_in) values (%s, %s, %s, %s, %s, %s, %s)",
            [(draft.election_id, *one) for one in candidates],
        )
        loaded += len(candidates)
    connection.execute("analyze registry.candidates")
    return loaded


def _candidates_of(connection: psycopg.Connection, election_id: str) -> Mapping[str, Mapping[str, int]]:
    """Return contest → candidate → number."""
    found: dict[str, dict[str, int]] = {}
    for contest_id, candidate_id, number in connection.execute(
        "select contest_id, candidate_id, candidate_number from registry.contests"
        " left join registry.candidates using (election_id, contest_id) where election_id = %s",
        (election_id,),
    ):
        found.setdefault(contest_id, {}).update({candidate_id: number} if candidate_id else {})
    return found


class BallotPapers:
    """The candidates of each contest, as they become more."""

    def __init__(self, registered: Mapping[str, Mapping[str, int]]) -> None:
        self._last = {contest_id: max(numbers.values(), default=0) for contest_id, numbers in registered.items()}
        self._places = {
            (contest_id, candidate_id): "is registered"
            for contest_id, numbers in registered.items()
            for candidate_id in numbers
        }

    def sift(self, rows: list[Row]) -> tuple[list[Candidate], list[BadRow]]:
        """Tell the rows of candidates who can be added from the others."""
        read = [self._read(row) for row in rows]
        good = [one for one in read if isinstance(one, Candidate)]
        return good, [one for one in read if isinstance(one, BadRow)]

    def _read(self, row: Row) -> Candidate | BadRow:
        problems = Problems(Path())
        values = Values(row.values, f"line {row.line}: ", problems)
        contest_id, candidate_id = values.identifier("contest_id"), values.identifier("candidate_id")
        name, party, is_write_in = values.text("candidate_name"), values.optional("party"), values.flag("is_write_in")
        if problems.sentences:
            return row.bad(Reason.MALFORMED, " ".join(problems.sentences))
        if contest_id not in self._last:
            return row.bad(Reason.UNKNOWN_CONTEST, f"The election has no contest {contest_id!r}.")
        if place := self._places.get((contest_id, candidate_id)):
            return row.bad(DUPLICATE, f"Candidate {candidate_id!r} of contest {contest_id!r} {place} already.")
        self._places[contest_id, candidate_id] = f"stands in line {row.line}"
        self._last[contest_id] += 1
        return Candidate(contest_id, candidate_id, self._last[contest_id], name, party, is_write_in)
