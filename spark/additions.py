"""What counted ballots add to the ledger's tables: keys and sums, without SQL."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from election_assets.domain.frozen import FrozenElection, Roll, group_of
from election_assets.domain.judge import Content, Judged

Sums = dict[tuple[Any, ...], list[int]]


@dataclass(frozen=True, slots=True)
class Additions:
    """Sums by key for each table, both in the order of the table's columns."""

    ballot_counts: Sums = field(default_factory=dict)
    contest_ballots: Sums = field(default_factory=dict)
    tallies: Sums = field(default_factory=dict)
    voter_group_counts: Sums = field(default_factory=dict)
    arrivals: Sums = field(default_factory=dict)


def add_up(judged: Judged, counted: np.ndarray, election: FrozenElection, roll: Roll) -> Additions:
    """Add up the valid ballots that `counted` (a mask over them) names."""
    additions = Additions()
    content_numbers = judged.content_numbers[counted]
    ballots_by_content = np.bincount(content_numbers, minlength=len(judged.contents))
    for number in np.flatnonzero(ballots_by_content).tolist():
        _add_content(additions, judged.contents[number], int(ballots_by_content[number]))
    _add_groups(additions, judged.voter_numbers[counted], election, roll)
    methods = np.array([content.method_number for content in judged.contents], dtype=np.int64)
    _add_arrivals(additions, judged.append_times_ms[counted], methods[content_numbers])
    return additions


def _add_content(additions: Additions, content: Content, ballots: int) -> None:
    precinct, method = content.precinct_number, content.method_number
    blanks = ballots if content.is_blank else 0
    _add(additions.ballot_counts, (precinct, content.ballot_style_number, method), ballots, blanks)
    for contest in content.contests:
        key = (contest.contest_number, precinct, method)
        _add(additions.contest_ballots, key, ballots, ballots * contest.undervotes, ballots * contest.overvotes)
        for candidate_number in contest.candidate_numbers:
            _add(additions.tallies, (contest.contest_number, candidate_number, precinct, method), ballots)


def _add_groups(additions: Additions, voters: np.ndarray, election: FrozenElection, roll: Roll) -> None:
    codes = roll.precinct_numbers[voters].astype(np.int64) << 8 | roll.groups[voters]
    for code, ballots in _counted_values(codes):
        precinct, group = code >> 8, code & 0xFF
        _add(additions.voter_group_counts, (election.parent_numbers[precinct], *group_of(group)), ballots)


def _add_arrivals(additions: Additions, append_times_ms: np.ndarray, methods: np.ndarray) -> None:
    for code, ballots in _counted_values((append_times_ms // 60_000) << 8 | methods):
        minute = datetime.fromtimestamp((code >> 8) * 60, tz=UTC)
        _add(additions.arrivals, (minute, code & 0xFF), ballots)


def _counted_values(codes: np.ndarray) -> Iterable[tuple[int, int]]:
    values, counts = np.unique(codes, return_counts=True)
    return zip(values.tolist(), counts.tolist(), strict=True)


def _add(sums: Sums, key: tuple[Any, ...], *amounts: int) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = list(amounts)
    else:
        for place, amount in enumerate(amounts):
            known[place] += amount
