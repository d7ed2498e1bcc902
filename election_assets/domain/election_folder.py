"""The election folder: how an election is spelled on disk, read and written.

The values are read by `folder_text.py` and judged together by `folder_checks.py`.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from election_assets.domain.election import (
    MAX_PARTITIONS,
    PARTITIONS,
    BallotStyle,
    Candidate,
    Contest,
    Contradiction,
    Election,
    Method,
    OfficialBallots,
    OfficialResult,
    PrecinctBallotStyle,
    Publish,
    ReportingUnit,
)
from election_assets.domain.folder_checks import check_election
from election_assets.domain.folder_text import (
    MAX_COUNT,
    MAX_NUMBER,
    MAX_SEED,
    Problems,
    Values,
    csv_values,
    yaml_values,
)
from election_assets.domain.plain_text import shortened
from election_assets.errors import PermanentError

ELECTIONS = Path("elections")
_HOME = Path(__file__).resolve().parents[2]
_METHODS = {method.value: method for method in Method}
_YAML_NAMES = (
    "id",
    "name",
    "date",
    "type",
    "seed",
    "partition_count",
    "publish",
    "is_test",
    "hours",
    "methods",
    "source",
    "baseline",
    "contests",
    "ballot_styles",
)
_UNIT_COLUMNS = tuple(column.name for column in fields(ReportingUnit))
_STYLE_COLUMNS = tuple(column.name for column in fields(PrecinctBallotStyle))
_RESULT_COLUMNS = tuple(column.name for column in fields(OfficialResult))
_BALLOT_COLUMNS = tuple(column.name for column in fields(OfficialBallots))
_CONTRADICTION_COLUMNS = tuple(column.name for column in fields(Contradiction))


def find_election_folder(name: str | Path) -> Path:
    """Return the folder that `name` stands for: a path, or the id of a folder under `elections/`.

    Raises PermanentError naming the elections there are.
    """
    for folder in (Path(name), ELECTIONS / name, _HOME / ELECTIONS / name):
        if os.path.lexists(folder / "election.yaml"):
            return folder
    roots = (ELECTIONS, _HOME / ELECTIONS)
    known = sorted({path.parent.name for root in roots for path in root.glob("*/election.yaml")})
    raise PermanentError(
        f"There is no election folder {shortened(repr(str(name)))}: name a folder that holds an election.yaml, "
        f"or one of {shortened(', '.join(known)) or '(none yet; `election generate` makes one)'}."
    )


def read_election(folder: str | Path) -> Election:
    """Read an election folder, given as a path or an id.

    Raises one PermanentError that lists every problem with its file, line or path, and remedy.
    """
    problems = Problems(find_election_folder(folder))
    election = _read_yaml(yaml_values(problems, "election.yaml"))
    check_election(election, problems)
    problems.raise_any()
    return election


def _read_yaml(top: Values) -> Election:
    top.refuse_others(_YAML_NAMES)
    problems = top.problems
    hours = _nested(top, "hours") if "hours" in top.texts else None
    return Election(
        election_id=top.identifier("id"),
        election_name=top.text("name"),
        election_date=top.day("date"),
        election_type=top.text("type"),
        methods=tuple(_read_methods(top)),
        contests=tuple(_read_contest(value) for value in _entries(top, "contests")),
        reporting_units=tuple(_read_units(problems)),
        ballot_styles=tuple(_read_styles(_nested(top, "ballot_styles"))),
        precinct_ballot_styles=tuple(
            PrecinctBallotStyle(
                row.identifier("precinct_id"), row.identifier("ballot_style_id"), row.whole("voter_count", 0)
            )
            for row in csv_values(problems, "ballot_styles.csv", _STYLE_COLUMNS)
        ),
        seed=top.whole("seed", 0, MAX_SEED, default=1),
        partition_count=top.whole("partition_count", 1, MAX_PARTITIONS, default=PARTITIONS),
        publish=top.choice(
            "publish",
            {value.value: value for value in Publish},
            default=Publish.AT_CLOSE if hours else Publish.LIVE,
        ),
        is_test=top.flag("is_test"),
        opens_at=hours.moment("opens_at") if hours else None,
        closes_at=hours.moment("closes_at") if hours else None,
        source=top.optional("source"),
        baseline_election_id=top.identifier("baseline") if "baseline" in top.texts else None,
        official_results=tuple(_read_results(problems)),
        official_ballots=tuple(_read_ballots(problems)),
        contradictions=tuple(_read_contradictions(problems)),
    )


def _nested(top: Values, name: str) -> Values:
    value = top.texts.get(name)
    if not isinstance(value, dict):
        top.problems.add(top.at(name), f"found {value!r}", "write a mapping here")
        value = {}
    return Values(value, f"{top.where}{name}.", top.problems)


def _entries(top: Values, name: str) -> Iterable[Values]:
    for at, value in enumerate(top.several(name)):
        where = f"{top.where}{name}[{at}]."
        if isinstance(value, dict):
            yield Values(value, where, top.problems)
        else:
            top.problems.add(where[:-1], f"found {value!r}", "write a mapping with an id and a name")


def _read_methods(top: Values) -> Iterable[Method]:
    for at, value in enumerate(top.several("methods")):
        yield Values({f"methods[{at}]": value}, top.where, top.problems).choice(f"methods[{at}]", _METHODS)


def _read_contest(value: Values) -> Contest:
    value.refuse_others(("id", "name", "office", "district", "votes_allowed", "candidates"))
    return Contest(
        contest_id=value.identifier("id"),
        contest_name=value.text("name"),
        office=value.text("office", default=value.text("name"), required=False),
        district=value.optional("district"),
        votes_allowed=value.whole("votes_allowed", 1, MAX_NUMBER, default=1),
        candidates=tuple(_read_candidate(entry) for entry in _entries(value, "candidates")),
    )


def _read_candidate(value: Values) -> Candidate:
    value.refuse_others(("id", "name", "party", "is_write_in"))
    return Candidate(value.identifier("id"), value.text("name"), value.optional("party"), value.flag("is_write_in"))


def _read_styles(styles: Values) -> Iterable[BallotStyle]:
    for name in styles.texts:
        values = Values({name: name}, styles.where, styles.problems)
        contest_ids = [str(contest_id) for contest_id in styles.several(name)]
        yield BallotStyle(values.identifier(name), tuple(contest_ids))


def _read_units(problems: Problems) -> Iterable[ReportingUnit]:
    for row in csv_values(problems, "reporting_units.csv", _UNIT_COLUMNS):
        yield ReportingUnit(
            reporting_unit_id=row.identifier("reporting_unit_id"),
            reporting_unit_name=row.text("reporting_unit_name"),
            reporting_unit_type=row.text("reporting_unit_type"),
            parent_id=row.optional("parent_id"),
            registered_voter_count=row.optional_whole("registered_voter_count", 0),
        )


def _read_results(problems: Problems) -> Iterable[OfficialResult]:
    for row in csv_values(problems, "official_results.csv", _RESULT_COLUMNS, required=False):
        yield OfficialResult(
            contest_id=row.text("contest_id"),
            candidate_id=row.text("candidate_id"),
            precinct_id=row.text("precinct_id"),
            method=row.choice("method", _METHODS),
            vote_count=row.whole("vote_count", -MAX_COUNT),
        )


def _read_ballots(problems: Problems) -> Iterable[OfficialBallots]:
    for row in csv_values(problems, "official_ballots.csv", _BALLOT_COLUMNS, required=False):
        yield OfficialBallots(
            precinct_id=row.text("precinct_id"),
            method=row.choice("method", _METHODS),
            ballot_count=row.optional_whole("ballot_count", -MAX_COUNT),
            blank_count=row.optional_whole("blank_count", -MAX_COUNT),
        )


def _read_contradictions(problems: Problems) -> Iterable[Contradiction]:
    for row in csv_values(problems, "contradictions.csv", _CONTRADICTION_COLUMNS, required=False):
        yield Contradiction(
            kind=row.text("kind"),
            precinct_id=row.optional("precinct_id"),
            contest_id=row.optional("contest_id"),
            candidate_id=row.optional("candidate_id"),
            method=row.choice("method", _METHODS) if row.optional("method") else None,
            cell=row.text("cell"),
            found=row.text("found", required=False),
            expected=row.text("expected", required=False),
            action=row.text("action"),
            replayed_count=row.optional_whole("replayed_count", 0),
        )


def write_election(election: Election, folder: Path) -> None:
    """Write an election folder; reading it gives an equal election."""
    folder.mkdir(parents=True, exist_ok=True)
    document = yaml.safe_dump(_document(election), sort_keys=False, allow_unicode=True, width=110)
    (folder / "election.yaml").write_text(document, encoding="utf-8")
    _write_csv(folder / "reporting_units.csv", _UNIT_COLUMNS, election.reporting_units)
    _write_csv(folder / "ballot_styles.csv", _STYLE_COLUMNS, election.precinct_ballot_styles)
    _write_csv(folder / "official_results.csv", _RESULT_COLUMNS, election.official_results)
    _write_csv(folder / "official_ballots.csv", _BALLOT_COLUMNS, election.official_ballots)
    _write_csv(folder / "contradictions.csv", _CONTRADICTION_COLUMNS, election.contradictions)
    if election.source:
        (folder / "SOURCE.md").write_text(f"# Source\n\n{election.source}\n", encoding="utf-8")


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[Any]) -> None:
    """Write rows, one column per field; without rows there is no file, and none is left from before."""
    records = [[getattr(row, column) for column in columns] for row in rows]
    if not records:
        path.unlink(missing_ok=True)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *records])


def _document(election: Election) -> dict[str, Any]:
    hours = None
    if election.opens_at and election.closes_at:
        hours = {"opens_at": election.opens_at.isoformat(), "closes_at": election.closes_at.isoformat()}
    document = {
        "id": election.election_id,
        "name": election.election_name,
        "date": election.election_date,
        "type": election.election_type,
        "seed": election.seed,
        "partition_count": election.partition_count,
        "publish": election.publish.value,
        "is_test": election.is_test,
        "hours": hours,
        "methods": [method.value for method in election.methods],
        "source": election.source,
        "baseline": election.baseline_election_id,
        "contests": [_contest_document(contest) for contest in election.contests],
        "ballot_styles": {style.ballot_style_id: list(style.contest_ids) for style in election.ballot_styles},
    }
    return {name: value for name, value in document.items() if value is not None}


def _contest_document(contest: Contest) -> dict[str, Any]:
    candidates = [
        {"id": candidate.candidate_id, "name": candidate.candidate_name}
        | ({"party": candidate.party} if candidate.party else {})
        | ({"is_write_in": True} if candidate.is_write_in else {})
        for candidate in contest.candidates
    ]
    district = {"district": contest.district} if contest.district else {}
    return {
        "id": contest.contest_id,
        "name": contest.contest_name,
        "office": contest.office,
        **district,
        "votes_allowed": contest.votes_allowed,
        "candidates": candidates,
    }
