"""The ballots of a replay: drawn from a seed, exactly adding up to the official candidate cells.

How many there are of each kind is planned in `replay_plan.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from election_assets.domain.apportionment import Integers
from election_assets.domain.election import Contest, Election
from election_assets.domain.electorate import voters
from election_assets.domain.replay_plan import PlannedCell, plan_replay
from election_assets.domain.seeds import generator, scattered
from election_assets.errors import PermanentError

_CHUNK = 20_000
# Where an election has no hours, its ballots are dated over the hours polls are open in most states.
_FIRST_HOUR, _LAST_HOUR = time(7), time(20)

Numbers = npt.NDArray[np.int32]


@dataclass(slots=True)
class Selections:
    """The distinct selections of contests, as pieces of JSON; number 0 stands for no selection."""

    pieces: list[str] = field(default_factory=lambda: [""])
    _numbers: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def number(self, contest: Contest, candidates: tuple[int, ...]) -> int:
        """Return the number of a choice of candidates, given by their positions."""
        if not candidates:
            return 0
        key = (contest.contest_id, candidates)
        if key not in self._numbers:
            self._numbers[key] = len(self.pieces)
            ids = ",".join(f'"{contest.candidates[at].candidate_id}"' for at in candidates)
            self.pieces.append(f'"{contest.contest_id}":[{ids}]')
        return self._numbers[key]


@dataclass(frozen=True, slots=True)
class ReplayBallots:
    """All ballots of a replay in the order they are cast, a row each.

    `choices` has a column per contest of the ballot's style, holding numbers of `selections`; `places` are
    indexes of `openings`, the beginning of a message that all ballots of one precinct, style and method share.
    """

    voter_indexes: Numbers
    places: Numbers
    choices: Numbers
    openings: tuple[str, ...]
    selections: Selections


def ballot_count(election: Election) -> int:
    """Return how many ballots the replay casts."""
    return sum(cell.ballot_count for cell in plan_replay(election))


def messages(
    election: Election, seed: int | None = None, start: int = 0, limit: int | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the replay's ballots as they travel: key and value of each message, in the order they are cast.

    The same election and seed (the election's own where none is given) yield the same messages; `start` and
    `limit` choose some of them. Raises PermanentError for an election without official results.
    """
    seed = election.seed if seed is None else seed
    ballots = draw_ballots(election, seed)
    count = len(ballots.places)
    stop = count if limit is None else min(count, start + limit)
    voter_ids = voters(election).voter_ids
    opening, seconds = _hours(election)
    for first in range(start, stop, _CHUNK):
        part = slice(first, min(first + _CHUNK, stop))
        indexes = ballots.voter_indexes[part]
        since = np.arange(part.start, part.stop, dtype=np.int64) * seconds // count
        yield from _written(
            voter_ids[indexes].tolist(),
            _uuids(indexes, election.election_id, seed),
            np.datetime_as_string(np.datetime64(opening, "s") + since, unit="s").tolist(),
            ballots,
            part,
        )


def _written(
    voter_ids: list[bytes], ballot_ids: list[str], moments: list[str], ballots: ReplayBallots, part: slice
) -> Iterator[tuple[bytes, bytes]]:
    pieces, openings = ballots.selections.pieces, ballots.openings
    places, choices = ballots.places[part].tolist(), ballots.choices[part].tolist()
    for key, ballot_id, moment, place, chosen in zip(voter_ids, ballot_ids, moments, places, choices, strict=True):
        selections = ",".join([pieces[number] for number in chosen if number])
        value = (
            f'{openings[place]}"ballot_id":"{ballot_id}","voter_id":"{key.decode()}",'
            f'"cast_at":"{moment}Z","selections":{{{selections}}}}}'
        )
        yield key, value.encode()


def _hours(election: Election) -> tuple[datetime, int]:
    """Return when casting begins, in UTC without saying so, and how many seconds it lasts."""
    opens = election.opens_at or datetime.combine(election.election_date, _FIRST_HOUR, UTC)
    closes = election.closes_at or datetime.combine(election.election_date, _LAST_HOUR, UTC)
    return opens.astimezone(UTC).replace(tzinfo=None), (closes - opens) // timedelta(seconds=1)


def _uuids(indexes: Numbers, election_id: str, seed: int) -> list[str]:
    """Return one UUID per voter, the same for every try to cast: a re-sent ballot is the same ballot."""
    words = np.empty((len(indexes), 2), dtype=">u8")
    for half in range(2):
        words[:, half] = scattered(indexes.astype(np.int64), 64, election_id, seed, f"ballot ids {half}")
    octets = words.view(np.uint8)
    # Version 8 (made by a rule of one's own) and the variant of RFC 9562.
    octets[:, 6] = octets[:, 6] & 0x0F | 0x80
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = octets.tobytes().hex()
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-{digits[at + 12 : at + 16]}-"
        f"{digits[at + 16 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, len(digits), 32)
    ]


def draw_ballots(election: Election, seed: int) -> ReplayBallots:
    """Draw all ballots: choices shuffled within each cell, voters within their style, the order over all."""
    if not election.is_replay:
        raise PermanentError(
            f"Election {election.election_id!r} has no official_results.csv, so there is nothing to replay: "
            "import a past election or generate a synthetic one."
        )
    random = generator(election.election_id, seed, "ballots")
    contests = {contest.contest_id: contest for contest in election.contests}
    styles = {style.ballot_style_id: style.contest_ids for style in election.ballot_styles}
    cells = plan_replay(election)
    width = max(len(contest_ids) for contest_ids in styles.values())
    selections = Selections()
    choices = np.zeros((sum(cell.ballot_count for cell in cells), width), dtype=np.int32)
    places = np.empty(len(choices), dtype=np.int32)
    voter_indexes = np.empty(len(choices), dtype=np.int32)
    waiting = _shuffled_roll(election, random)
    openings: list[str] = []
    at = 0
    for cell in cells:
        _mark(cell, choices[at : at + cell.ballot_count], contests, styles, selections, random)
        for style in cell.styles:
            size = style.marked + style.blank
            group = (cell.precinct_id, style.ballot_style_id)
            voter_indexes[at : at + size], waiting[group] = waiting[group][:size], waiting[group][size:]
            places[at : at + size] = len(openings)
            openings.append(
                f'{{"election_id":"{election.election_id}","precinct_id":"{cell.precinct_id}",'
                f'"ballot_style_id":"{style.ballot_style_id}","method":"{cell.method.value}",'
            )
            at += size
    order = random.permutation(len(choices))
    return ReplayBallots(voter_indexes[order], places[order], choices[order], tuple(openings), selections)


def _shuffled_roll(election: Election, random: np.random.Generator) -> dict[tuple[str, str], Numbers]:
    """Return the voters of each precinct and ballot style, as indexes of the roll, in the order they vote."""
    roll, first = {}, 0
    for group in election.precinct_ballot_styles:
        indexes = first + random.permutation(group.voter_count).astype(np.int32)
        roll[group.precinct_id, group.ballot_style_id] = indexes
        first += group.voter_count
    return roll


def _mark(
    cell: PlannedCell,
    choices: Numbers,
    contests: dict[str, Contest],
    styles: dict[str, tuple[str, ...]],
    selections: Selections,
    random: np.random.Generator,
) -> None:
    """Mark the ballots of one cell, whose rows are grouped by style, the marked before the blank ones."""
    for contest_id, votes in cell.votes.items():
        if not votes.any():
            continue
        sure, others, columns = [], [], np.empty(len(choices), dtype=np.int32)
        first = 0
        for style in cell.styles:
            contest_ids = styles[style.ballot_style_id]
            if contest_id in contest_ids:
                # The contests of a style reach, one after the other, disjoint runs of its marked ballots.
                ahead = list(style.covered).index(contest_id) if contest_id in style.covered else 0
                begin = first + sum(list(style.covered.values())[:ahead])
                rows = np.arange(first, first + style.marked)
                is_sure = (rows >= begin) & (rows < begin + style.covered.get(contest_id, 0))
                sure.append(rows[is_sure])
                others.append(rows[~is_sure])
                columns[rows] = contest_ids.index(contest_id)
            first += style.marked + style.blank
        rows, numbers = _dealt(
            contests[contest_id], votes, np.concatenate(sure), np.concatenate(others), selections, random
        )
        choices[rows, columns[rows]] = numbers


def _dealt(
    contest: Contest,
    votes: Integers,
    sure: Integers,
    others: Integers,
    selections: Selections,
    random: np.random.Generator,
) -> tuple[Integers, Numbers]:
    """Deal a contest's votes to ballots: all of `sure`, some of `others`, none above `votes_allowed`.

    Votes lie in a row, candidate by candidate, and are dealt round and round. No candidate has more votes than
    there are ballots in a round, so nobody is named twice on one.
    """
    total = int(votes.sum())
    fewest = max(len(sure), -(-total // contest.votes_allowed), int(votes.max()))
    most = min(total, len(sure) + len(others))
    # Half way: some voters use all their votes, some do not.
    count = (fewest + most) // 2
    rows = np.concatenate([sure, random.permutation(others)[: count - len(sure)]])
    random.shuffle(rows)
    order = random.permutation(np.flatnonzero(votes))
    begins = (np.cumsum(votes[order]) - votes[order]) % count
    cuts = np.unique(np.concatenate([[0, count], begins, (begins + votes[order]) % count]))
    numbers = np.empty(count, dtype=np.int32)
    for first, last in pairwise(cuts):
        named = order[(first - begins) % count < votes[order]]
        numbers[first:last] = selections.number(contest, tuple(sorted(named.tolist())))
    return rows, numbers
