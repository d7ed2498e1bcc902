"""Loading: voters, candidates or ballots from a file, each row validated, the bad ones in an error file.

Rows are read in `rows.py`, told apart in `sieve.py`, and judged beside where they go: `voters.py`,
`candidates.py`, `ballots.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from election_assets.domain.plain_text import visible
from election_assets.errors import PermanentError, TransientError
from election_assets.loading.ballots import load_ballots
from election_assets.loading.candidates import load_candidates
from election_assets.loading.drafts import held_draft
from election_assets.loading.sieve import ErrorFile, Sieve
from election_assets.loading.voters import load_voters
from election_assets.settings import Settings

Kind = Literal["voters", "candidates", "ballots"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did; `reasons` are the numbers of bad rows, `errors` the file that lists them, if there are any."""

    kind: Kind
    election_id: str
    file: Path
    loaded: int
    bad: int
    reasons: Mapping[str, int]
    errors: Path | None

    def sentence(self) -> str:
        """Return what was loaded, what was not, and where that is listed."""
        whither = "the log" if self.kind == "ballots" else "the registry"
        done = f"{self.loaded:,} {self.kind} of {visible(self.file)} loaded into {whither} of {self.election_id}"
        if not self.bad:
            return f"{done}; no row is bad."
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in self.reasons.items())
        return f"{done}; {self.bad:,} rows are bad ({reasons}) and listed in {visible(self.errors)}."


def load(
    settings: Settings,
    kind: Kind,
    election_id: str,
    file: Path,
    *,
    strict: bool = False,
    errors: Path | None = None,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Loaded:
    """Load the good rows of a file, in one transaction but for ballots; nothing where `strict` and one is bad.

    Bad rows go to `errors`, by default `<stem>.errors.csv` beside the file, which only its owner may
    read: it holds them as they are. Raises PermanentError where the file cannot be read or the
    election takes no such rows now.
    """
    place = errors or file.with_name(f"{file.stem}.errors.csv")
    _refuse_places(file, place)
    with ErrorFile(place) as error_file:
        sieve = Sieve(file, error_file, report)
        if kind == "ballots":
            loaded = load_ballots(settings, election_id, sieve, strict=strict)
        else:
            loaded = _load_into_draft(settings, kind, election_id, sieve, strict=strict)
        reasons = dict(error_file.reasons)
    return Loaded(kind, election_id, file, loaded, sum(reasons.values()), reasons, place if reasons else None)


def _load_into_draft(settings: Settings, kind: Kind, election_id: str, sieve: Sieve, *, strict: bool) -> int:
    with psycopg.connect(settings.conninfo("registrar")) as connection:
        draft = held_draft(connection, election_id)
        try:
            loaded = (load_voters if kind == "voters" else load_candidates)(connection, draft, sieve)
        except psycopg.Error as error:
            # Not from that error, whose context repeats a row: who the voters are is nothing for logs.
            reason = error.diag.message_primary or type(error).__name__
            kind_of_error = TransientError if isinstance(error, psycopg.OperationalError) else PermanentError
            raise kind_of_error(
                f"Postgres did not take {visible(sieve.file)} ({reason}), and nothing is loaded."
            ) from None
        if strict and sieve.errors.reasons:
            connection.rollback()
            return 0
    return loaded


def _refuse_places(file: Path, place: Path) -> None:
    try:
        # Opening a pipe would wait for its other end.
        if file.exists() and not file.is_file():
            raise PermanentError(f"{visible(file)} cannot be read (it is no regular file): name a file to load.")
        with file.open("rb"):
            pass
        is_taken = place.exists() and (not place.is_file() or place.samefile(file))
    except OSError as error:
        name = visible(error.filename)
        raise PermanentError(f"{name} cannot be read ({error.strerror}): name a file to load.") from error
    if is_taken:
        raise PermanentError(
            f"{visible(place)} cannot be the error file, which is made anew: name another place for it."
        )
