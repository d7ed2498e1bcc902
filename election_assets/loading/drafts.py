"""Elections that are not open yet, held for as long as a load takes."""

from dataclasses import dataclass
from datetime import date

import psycopg

from election_assets.errors import PermanentError

# The word for a row that is registered, or in the file, already.
DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Draft:
    """An election whose registry may still change."""

    election_id: str
    election_number: int
    election_date: date


def held_draft(connection: psycopg.Connection, election_id: str) -> Draft:
    """Return a draft, locked to the end of the transaction: neither an opening nor another load comes between.

    Raises PermanentError where the election is unknown or open.
    """
    row = connection.execute(
        "select election_number, election_date, opened_at is not null from registry.elections"
        " where election_id = %s for update",
        (election_id,),
    ).fetchone()
    if row is None:
        raise PermanentError(
            f"The registry has no election {election_id!r}: `election register {election_id}` comes first."
        )
    election_number, election_date, is_open = row
    if is_open:
        raise PermanentError(
            f"Election {election_id!r} is open, so its roll and its candidates cannot change any more: load them "
            "before `election open`, or register a new election under another id."
        )
    return Draft(election_id, election_number, election_date)
