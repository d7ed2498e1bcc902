"""What an office says of a count from outside it: corrections of its totals, and the election's status."""

from dataclasses import dataclass
from enum import StrEnum

import psycopg

from election_assets.domain.election import ID_PATTERN, Method
from election_assets.errors import PermanentError


class Status(StrEnum):
    """What can be said of an election's results (NIST SP 1500-100, ResultsStatus); `pre_election` takes it back."""

    PRE_ELECTION = "pre_election"
    UNOFFICIAL_PARTIAL = "unofficial_partial"
    UNOFFICIAL_COMPLETE = "unofficial_complete"
    CERTIFIED = "certified"
    CORRECTION = "correction"
    RECOUNT = "recount"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Votes added to or taken from a cell of the tally; its id is fixed beforehand, so that it counts once."""

    adjustment_id: str
    contest_id: str
    candidate_id: str
    precinct_id: str
    method: Method
    vote_change: int
    reason: str
    adjusted_by: str


_COLUMNS = "adjustment_id, contest_id, candidate_id, precinct_id, method, vote_change, reason, adjusted_by"


def adjust(conninfo: str, election_id: str, adjustment: Adjustment) -> bool:
    """Append an adjustment; return False where it was made before, with the same contents.

    `conninfo` is the registrar's. Raises PermanentError for an election that is not open, for a cell that its ballots
    do not have, for a change of nothing, and for an id that was used for another adjustment.
    """
    values = (
        adjustment.adjustment_id,
        adjustment.contest_id,
        adjustment.candidate_id,
        adjustment.precinct_id,
        adjustment.method.value,
        adjustment.vote_change,
        adjustment.reason.strip(),
        adjustment.adjusted_by.strip(),
    )
    with psycopg.connect(conninfo) as connection:
        _check(connection, election_id, adjustment)
        before = connection.execute(
            f"select {_COLUMNS} from registry.adjustments where election_id = %s and adjustment_id = %s",  # noqa: S608
            (election_id, adjustment.adjustment_id),
        ).fetchone()
        if before is None:
            connection.execute(
                f"insert into registry.adjustments (election_id, {_COLUMNS})"  # noqa: S608
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (election_id, *values),
            )
    if before not in (None, values):
        raise PermanentError(
            f"Adjustment {adjustment.adjustment_id!r} of {election_id!r} was made before with other contents: "
            f"{before}. Adjustments stay as they are: make another one, under an id of its own."
        )
    return before is None


def _check(connection: psycopg.Connection, election_id: str, adjustment: Adjustment) -> None:
    """Wait for this election's turn, and refuse what cannot be adjusted."""
    row = connection.execute(
        "select opened_at is not null, registry.take_turn(election_number) from registry.elections"
        " where election_id = %s",
        (election_id,),
    ).fetchone()
    if row is None or not row[0]:
        raise PermanentError(f"Election {election_id!r} is not open, so it has no totals to adjust.")
    if not ID_PATTERN.match(adjustment.adjustment_id):
        raise PermanentError(
            f"{adjustment.adjustment_id!r} is no id for an adjustment: 1 to 64 of A-Z, a-z, 0-9, '.', '_', ':' and '-'."
        )
    if adjustment.vote_change == 0:
        raise PermanentError(f"Adjustment {adjustment.adjustment_id!r} changes nothing: say by how many votes.")
    for name in ("reason", "adjusted_by"):
        if not getattr(adjustment, name).strip():
            raise PermanentError(f"Adjustment {adjustment.adjustment_id!r} has no {name}: say who adjusts, and why.")
    known = connection.execute(
        "select exists (select from registry.precinct_ballot_styles p"
        " join registry.ballot_style_contests s using (election_id, ballot_style_id)"
        " join registry.candidates c using (election_id, contest_id)"
        " join registry.election_methods m using (election_id)"
        " where election_id = %s and p.precinct_id = %s and contest_id = %s and c.candidate_id = %s and m.method = %s)",
        (
            election_id,
            adjustment.precinct_id,
            adjustment.contest_id,
            adjustment.candidate_id,
            adjustment.method.value,
        ),
    ).fetchone()
    if known != (True,):
        raise PermanentError(
            f"{election_id!r} has no votes for {adjustment.candidate_id!r} in contest {adjustment.contest_id!r} in "
            f"precinct {adjustment.precinct_id!r} by {adjustment.method.value!r}: one of them is not there, or that "
            "contest is on no ballot of that precinct."
        )


def mark(conninfo: str, election_id: str, status: Status) -> None:
    """Set what is said of an election's results; `pre_election` leaves it to the count again.

    `conninfo` is the registrar's. Raises PermanentError for an unknown election.
    """
    with psycopg.connect(conninfo) as connection:
        done = connection.execute(
            "update registry.elections set status = %s where election_id = %s", (status.value, election_id)
        )
        if done.rowcount == 0:
            raise PermanentError(
                f"The registry has no election {election_id!r}: `election register {election_id}` comes first."
            )
