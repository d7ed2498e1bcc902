"""Contests in NIST's words: candidates and options, their votes by unit and method, undervotes and overvotes."""

from collections import Counter
from collections.abc import Iterable, Sequence

from election_assets.exports.nist.units import Units
from election_assets.exports.nist.words import COUNT_ITEM_TYPES, TOTAL, Object, text, typed, unit_id
from election_assets.exports.rows import CandidateRow, ContestRow, ResultRow, Snapshot

# The registry does not tell a question from an office; these words answer one.
_ANSWERS = {"yes", "no", "for", "against", "approve", "reject", "approved", "rejected"}


class Contests:
    """The contests of an election, and who or what can be voted for in them."""

    def __init__(self, snapshot: Snapshot, units: Units) -> None:
        self._snapshot = snapshot
        self._units = units
        self._candidates: dict[str, list[CandidateRow]] = {one.contest_id: [] for one in snapshot.contests}
        for candidate in snapshot.candidates:
            self._candidates[candidate.contest_id].append(candidate)
        self._results: dict[tuple[str, str], list[ResultRow]] = {}
        for row in snapshot.results:
            self._results.setdefault((row.contest_id, row.candidate_id), []).append(row)
        named = dict.fromkeys(candidate.party for candidate in snapshot.candidates if candidate.party)
        self._party_ids = {party: f"party-{number}" for number, party in enumerate(named, 1)}

    def parties(self) -> list[Object]:
        """Return the parties."""
        return [typed("Party", **{"@id": its_id}, Name=text(name)) for name, its_id in self._party_ids.items()]

    def candidates(self) -> list[Object]:
        """Return all that can be voted for by name; an option of a question is not among them."""
        return [
            typed(
                "Candidate",
                **{"@id": _candidate_id(contest, candidate)},
                BallotName=text(candidate.candidate_name),
                PartyId=self._party_ids.get(candidate.party or ""),
                ExternalIdentifier=[typed("ExternalIdentifier", Type="local-level", Value=candidate.candidate_id)],
            )
            for contest in self._snapshot.contests
            if not is_question(self._candidates[contest.contest_id])
            for candidate in self._candidates[contest.contest_id]
        ]

    def objects(self) -> list[Object]:
        """Return the contests with their figures, in ballot order."""
        return [self._contest(contest) for contest in self._snapshot.contests]

    def _contest(self, contest: ContestRow) -> Object:
        candidates = self._candidates[contest.contest_id]
        question = is_question(candidates)
        seats = {"VotesAllowed": contest.votes_allowed, "NumberElected": contest.votes_allowed}
        return typed(
            "BallotMeasureContest" if question else "CandidateContest",
            **{"@id": f"contest-{contest.contest_id}"},
            Name=contest.contest_name,
            SequenceOrder=contest.contest_number,
            ElectionDistrictId=self._units.district_id(contest),
            VoteVariation="plurality" if contest.votes_allowed == 1 else "n-of-m",
            **({} if question else seats),
            **self._units.reported(self._units.precincts_of(contest)),
            ContestSelection=[self._selection(contest, one, question) for one in candidates],
            OtherCounts=self._other_counts(contest) or None,
        )

    def _selection(self, contest: ContestRow, candidate: CandidateRow, question: bool) -> Object:
        who: Object = (
            {"Selection": text(candidate.candidate_name)}
            if question
            else {"CandidateIds": [_candidate_id(contest, candidate)], "IsWriteIn": candidate.is_write_in}
        )
        return typed(
            "BallotMeasureSelection" if question else "CandidateSelection",
            **{"@id": _candidate_id(contest, candidate).replace("candidate", "selection", 1)},
            SequenceOrder=candidate.candidate_number,
            **who,
            VoteCounts=self._vote_counts(contest, self._results.get((contest.contest_id, candidate.candidate_id), [])),
        )

    def _vote_counts(self, contest: ContestRow, rows: Sequence[ResultRow]) -> list[Object] | None:
        """Return votes by unit and method, those of the whole district first; None where no figures are told."""
        votes: Counter[tuple[str, str]] = Counter()
        for row in rows:
            for unit in self._places(contest, row.precinct_id):
                for kind in dict.fromkeys((TOTAL, COUNT_ITEM_TYPES[row.method])):
                    votes[unit, kind] += row.adjusted_vote_count
        counts = [
            typed("VoteCounts", GpUnitId=unit, Type=kind, Count=votes[unit, kind])
            for unit, kind in self._district_first(contest, votes)
        ]
        return counts or None

    def _other_counts(self, contest: ContestRow) -> list[Object]:
        """Return undervotes, overvotes and write-ins by unit."""
        under: Counter[str] = Counter()
        over: Counter[str] = Counter()
        for row in self._snapshot.contest_counts:
            if row.contest_id == contest.contest_id:
                for unit in self._places(contest, row.precinct_id):
                    under[unit] += row.undervote_count
                    over[unit] += row.overvote_count
        write_ins: Counter[str] = Counter()
        for candidate in self._candidates[contest.contest_id]:
            for result in self._results.get((contest.contest_id, candidate.candidate_id), []):
                for unit in self._places(contest, result.precinct_id) if candidate.is_write_in else ():
                    write_ins[unit] += result.adjusted_vote_count
        return [
            typed("OtherCounts", GpUnitId=unit, Undervotes=under[unit], Overvotes=over[unit], WriteIns=write_ins[unit])
            for unit, _ in self._district_first(contest, ((unit, "") for unit in under))
        ]

    def _places(self, contest: ContestRow, precinct_id: str) -> list[str]:
        return list(dict.fromkeys((self._units.district_id(contest), unit_id(precinct_id))))

    def _district_first(self, contest: ContestRow, keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        district_id = self._units.district_id(contest)
        return sorted(keys, key=lambda key: key[0] != district_id)


def is_question(candidates: Sequence[CandidateRow]) -> bool:
    """Tell a question from an office: all its lines are answers, of no party."""
    return bool(candidates) and all(
        one.candidate_name.casefold() in _ANSWERS and not one.party and not one.is_write_in for one in candidates
    )


def _candidate_id(contest: ContestRow, candidate: CandidateRow) -> str:
    # By numbers: ids may hold dashes, so that two of them joined could be those of another candidate.
    return f"candidate-{contest.contest_number}-{candidate.candidate_number}"
