"""Claims about files of ballots: what the count would count goes to the log, and the rest is listed with its words."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from election_assets.domain.verdict import Reason
from election_assets.errors import PermanentError
from election_assets.loading import load
from election_assets.settings import Settings
from spark.figures import CountFigures
from tests.support.ballots import draft
from tests.support.elections import made_election, roll_of
from tests.support.ledger import positions_of
from tests.support.loading import ballot_line, listed, votes_for_mayor, written
from tests.support.log import opened

Count = Callable[..., CountFigures]


def test_ballots_that_would_not_be_counted_are_listed_with_the_counts_own_words(
    settings: Settings, tmp_path: Path, count_now: Count
) -> None:
    election = made_election("load-ballots", voters_each=3)
    opened(settings, election)
    first, second, third = roll_of(election)[:3]
    faults = [
        Reason.UNKNOWN_METHOD,
        Reason.UNKNOWN_PRECINCT,
        Reason.UNKNOWN_BALLOT_STYLE,
        Reason.UNKNOWN_CONTEST,
        Reason.UNKNOWN_CANDIDATE,
        Reason.UNKNOWN_VOTER,
        Reason.WRONG_PRECINCT,
        Reason.WRONG_BALLOT_STYLE,
    ]
    lines = [
        "no ballot",
        *(ballot_line(election, first, fault) for fault in faults),
        ballot_line(election, first, mayor=["ann"]),
        ballot_line(election, first, mayor=["ann"]),
        ballot_line(election, first, attempt=1),
        json.dumps({name: value for name, value in draft(election, second).fields.items() if name != "election_id"}),
        ballot_line(election, third, Reason.WRONG_ELECTION),
    ]
    file = written(tmp_path, lines, "ballots.jsonl")
    strict = load(settings, "ballots", "load-ballots", file, strict=True)
    assert strict.loaded == 0
    assert positions_of(settings, "load-ballots")["next_offset"] == count_now("load-ballots").messages == 0
    done = load(settings, "ballots", "load-ballots", file)
    assert (done.loaded, done.bad) == (2, strict.bad)
    reasons = [Reason.MALFORMED, *faults, None, Reason.DUPLICATE_DELIVERY, Reason.SECOND_BALLOT, None,
               Reason.WRONG_ELECTION]  # fmt: skip
    assert listed(done) == [(line, reason) for line, reason in enumerate(reasons, 1) if reason]
    assert count_now("load-ballots").counted == 2
    # The log has each of them twice now, and the count's rule makes that harmless.
    assert load(settings, "ballots", "load-ballots", file).loaded == 2
    again = count_now("load-ballots")
    assert (again.counted, again.rejected, again.quarantined) == (0, 2, 0)


def test_a_csv_file_of_ballots_is_sent_strictly_where_all_is_good(
    settings: Settings, tmp_path: Path, count_now: Count
) -> None:
    election = made_election("load-csv", voters_each=3)
    opened(settings, election)
    names = [name for name in draft(election, roll_of(election)[0]).fields if name != "election_id"]
    lines = []
    for voter in roll_of(election)[:4]:
        fields = {**draft(election, voter, {"mayor": ["bob"]}).fields}
        selections = json.dumps(fields.pop("selections")).replace('"', '""')
        lines.append(",".join([*(fields[name] for name in names[:-1]), f'"{selections}"']))
    file = written(tmp_path, lines, "ballots.csv", header=",".join(names))
    done = load(settings, "ballots", "load-csv", file, strict=True)
    assert (done.loaded, done.bad, done.errors) == (4, 0, None)
    assert count_now("load-csv").counted == 4
    assert votes_for_mayor(settings, "load-csv") == {2: 4}


def test_a_votes_topic_that_is_not_the_elections_gets_no_ballots(settings: Settings, tmp_path: Path) -> None:
    opened(settings, made_election("load-elsewhere", voters_each=3))
    with pytest.raises(PermanentError, match="Kafka has no topic"):
        load(
            replace(settings, votes_topic="another"),
            "ballots",
            "load-elsewhere",
            written(tmp_path, [], "ballots.jsonl"),
        )
