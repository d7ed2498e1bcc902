"""Files to load, drafts to load them into, and what was made of them."""

import csv
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from election_assets.domain.election import Election
from election_assets.domain.verdict import Reason
from election_assets.loading import Loaded
from election_assets.registry import register
from election_assets.settings import Settings
from tests.support.ballots import draft, with_faults
from tests.support.elections import Voter, made_election
from tests.support.ledger import ledger_of, owner

HEADER = "voter_id,precinct_id,ballot_style_id,age_group,gender,full_name,birth_date,address"
VOTERS = (
    "new-1,north,full,,female,Ann Example,1980-02-29,1 Secret Street",
    "new-2,south,short,65+,,,,",
    "new-3,nowhere,full,,,Bob Example,,2 Secret Street",
    "new-4,south,bridge-only,,,,1990-01-01,",
    "new-5,north,bridge-only,,,,,",
    "new-1,south,full,,,,,",
    "new 6,north,full,,,,,",
)
# Line and reason of the bad ones among them.
BAD_VOTERS = [(4, "unknown_precinct"), (6, "unknown_ballot_style"), (7, "duplicate"), (8, "malformed")]


def written(folder: Path, lines: Iterable[str], name: str = "voters.csv", header: str = HEADER) -> Path:
    """Write lines into a file, under a header unless it is JSON lines."""
    text = [*([header] if name.endswith(".csv") else []), *lines]
    (folder / name).write_text("\n".join(text) + "\n", encoding="utf-8")
    return folder / name


def registered(settings: Settings, election_id: str) -> Election:
    election = made_election(election_id, voters_each=3)
    register(settings.conninfo("registrar"), election)
    return election


def rows_of(settings: Settings, election_id: str, columns: str, table: str, order: str) -> list[tuple[Any, ...]]:
    with owner(settings) as connection:
        query = f"select {columns} from registry.{table} join registry.elections using (election_number)"
        return connection.execute(
            f"{query} where election_id = %s order by {order}".encode(), (election_id,)
        ).fetchall()


def roll_size(settings: Settings, election_id: str) -> int:
    return len(rows_of(settings, election_id, "voter_id", "voters", "voter_id"))


def votes_for_mayor(settings: Settings, election_id: str) -> Counter[int]:
    """Candidate number → votes in the first contest."""
    votes: Counter[int] = Counter()
    for _, contest, candidate, *_, count in ledger_of(settings, election_id)["tallies"]:
        votes.update({candidate: count} if contest == 1 else {})
    return votes


def listed(done: Loaded) -> list[tuple[int, str]]:
    """Line and reason of each row in the error file."""
    assert done.errors is not None
    with done.errors.open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["reason"]) for row in csv.DictReader(file)]


def ballot_line(election: Election, voter: Voter, *faults: Reason, attempt: int = 0, **selections: list[str]) -> str:
    fields = with_faults(draft(election, voter, selections, attempt), *faults).fields
    return json.dumps(fields if Reason.WRONG_ELECTION in faults else {**fields, "election_id": election.election_id})
