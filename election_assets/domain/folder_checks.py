"""What the parts of an election folder must say about each other for it to be one election."""

from collections import Counter
from collections.abc import Hashable, Iterable

from election_assets.domain.election import ELECTION_ID_PATTERN, ID_PATTERN, Election, Method
from election_assets.domain.figures import official_figures, place_of
from election_assets.domain.folder_text import MAX_NUMBER, Problems


def check_election(election: Election, problems: Problems) -> None:
    """Note everything in the folder that contradicts another part of it."""
    if ID_PATTERN.match(election.election_id) and not ELECTION_ID_PATTERN.match(election.election_id):
        problems.add(
            "election.yaml: id",
            f"found {election.election_id!r}",
            "leave out the colon, and take more than dots: a folder and a Kafka topic are called after it",
        )
    _check_hours(election, problems)
    _check_baseline(election, problems)
    _check_sizes(election, problems)
    _check_repeated(election, problems)
    _check_units(election, problems)
    _check_styles(election, problems)
    _check_official(election, problems)


def _check_hours(election: Election, problems: Problems) -> None:
    opens, closes = election.opens_at, election.closes_at
    if opens and closes and opens >= closes:
        problems.add("election.yaml: hours", f"they open at {opens} and close at {closes}", "close after opening")


def _check_sizes(election: Election, problems: Problems) -> None:
    sizes = {"contests": len(election.contests), "ballot_styles": len(election.ballot_styles)}
    sizes |= {f"contests[{at}].candidates": len(contest.candidates) for at, contest in enumerate(election.contests)}
    for where, size in sizes.items():
        if size > MAX_NUMBER:
            problems.add(f"election.yaml: {where}", f"{size:,} of them", f"write no more than {MAX_NUMBER:,}")


def _check_repeated(election: Election, problems: Problems) -> None:
    contests = [contest.contest_id for contest in election.contests]
    known = set(contests)
    _refuse_repeated(problems, "election.yaml: methods", election.methods)
    _refuse_repeated(problems, "election.yaml: contests", contests)
    for at, contest in enumerate(election.contests):
        ids = [candidate.candidate_id for candidate in contest.candidates]
        _refuse_repeated(problems, f"election.yaml: contests[{at}].candidates", ids)
    for style in election.ballot_styles:
        where = f"election.yaml: ballot_styles.{style.ballot_style_id}"
        _refuse_repeated(problems, where, style.contest_ids)
        _refuse_unknown(problems, where, "contest", style.contest_ids, known)
    _refuse_repeated(problems, "reporting_units.csv", [unit.reporting_unit_id for unit in election.reporting_units])
    _refuse_repeated(
        problems,
        "ballot_styles.csv",
        [f"{row.precinct_id}, {row.ballot_style_id}" for row in election.precinct_ballot_styles],
    )
    _refuse_repeated(
        problems,
        "official_ballots.csv",
        [f"{row.precinct_id}, {row.method}" for row in election.official_ballots],
    )
    _refuse_repeated(
        problems,
        "official_results.csv",
        [f"{r.contest_id}, {r.candidate_id}, {r.precinct_id}, {r.method}" for r in election.official_results],
    )


def _refuse_repeated(problems: Problems, where: str, names: Iterable[Hashable]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            problems.add(where, f"{str(name)!r} stands there {times} times", "keep one of them")


def _refuse_unknown(problems: Problems, where: str, kind: str, names: Iterable[str], known: set[str]) -> None:
    for name in dict.fromkeys(names):
        if name not in known:
            problems.add(where, f"found {kind} {name!r}, which is not defined", f"define it or name a known {kind}")


def _check_baseline(election: Election, problems: Problems) -> None:
    if election.baseline_election_id == election.election_id:
        problems.add("election.yaml: baseline", "it is the election itself", "name an earlier one, or none")


def _check_units(election: Election, problems: Problems) -> None:
    parents = {unit.reporting_unit_id: unit.parent_id for unit in election.reporting_units}
    named = [parent for parent in parents.values() if parent]
    _refuse_unknown(problems, "reporting_units.csv, parent_id", "reporting unit", named, set(parents))
    if not election.precincts:
        problems.add("reporting_units.csv", "no unit has the type 'precinct'", "voters need precincts to live in")
    for unit in election.reporting_units:
        if unit.registered_voter_count is not None and unit.reporting_unit_type != "precinct":
            problems.add(
                f"reporting_units.csv, {unit.reporting_unit_id}",
                f"{unit.registered_voter_count} registered voters on a {unit.reporting_unit_type}",
                "give registered voters to precincts alone",
            )
    for start in _first_of_each_cycle(parents):
        problems.add(f"reporting_units.csv, {start}", "it is among its own parents", "end the chain at a top unit")


def _first_of_each_cycle(parents: dict[str, str | None]) -> list[str]:
    starts: list[str] = []
    settled: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        unit: str | None = start
        while unit in parents and unit not in settled and unit not in path:
            path[unit] = None
            unit = parents[unit]
        if unit in path:
            starts.append(str(unit))
        settled.update(path)
    return starts


def _check_styles(election: Election, problems: Problems) -> None:
    where = "ballot_styles.csv"
    precincts = {unit.reporting_unit_id for unit in election.precincts}
    styles = {style.ballot_style_id for style in election.ballot_styles}
    rows = election.precinct_ballot_styles
    _refuse_unknown(problems, where, "precinct", (row.precinct_id for row in rows), precincts)
    _refuse_unknown(problems, where, "ballot style", (row.ballot_style_id for row in rows), styles)
    for precinct in sorted(precincts - {row.precinct_id for row in rows}):
        problems.add(where, f"precinct {precinct!r} has no ballot style", "add a row with its voters")


def _check_official(election: Election, problems: Problems) -> None:
    precincts = {unit.reporting_unit_id for unit in election.precincts}
    candidates = {(c.contest_id, k.candidate_id) for c in election.contests for k in c.candidates}
    on_style = {style.ballot_style_id: set(style.contest_ids) for style in election.ballot_styles}
    on_ballots: dict[str, set[str]] = {}
    for row in election.precinct_ballot_styles:
        on_ballots.setdefault(row.precinct_id, set()).update(on_style.get(row.ballot_style_id, ()))
    where = "official_results.csv"
    _refuse_unknown(problems, where, "precinct", (r.precinct_id for r in election.official_results), precincts)
    _refuse_unknown(
        problems,
        "official_ballots.csv",
        "precinct",
        (row.precinct_id for row in election.official_ballots),
        precincts,
    )
    for contest, candidate in dict.fromkeys((r.contest_id, r.candidate_id) for r in election.official_results):
        if (contest, candidate) not in candidates:
            problems.add(
                where,
                f"found candidate {candidate!r} of contest {contest!r}, who is not defined",
                "name a candidate of election.yaml",
            )
    for precinct, contest in dict.fromkeys((r.precinct_id, r.contest_id) for r in election.official_results):
        if contest not in on_ballots.get(precinct, {contest}):
            problems.add(
                where,
                f"contest {contest!r} has results in precinct {precinct!r}",
                "put it on one of the precinct's ballot styles",
            )
    _check_methods(election, problems)
    _check_negative(election, problems)


def _check_methods(election: Election, problems: Problems) -> None:
    # `total` beside split methods is their sum as published, not a way a ballot came in.
    listed = {*election.methods, Method.TOTAL}
    for where, rows in (
        ("official_results.csv", election.official_results),
        ("official_ballots.csv", election.official_ballots),
    ):
        for method in dict.fromkeys(row.method for row in rows):
            if method not in listed:
                problems.add(where, f"found method {method.value!r}", "list it in election.yaml under methods")


def _check_negative(election: Election, problems: Problems) -> None:
    explained = {place_of(row) for row in election.contradictions if row.replayed_count is not None}
    for place, count in official_figures(election).items():
        if count < 0 and place not in explained:
            named = ", ".join(str(part) for part in place if part)
            remedy = "correct it, or explain it by a row of contradictions.csv with a replayed_count"
            problems.add("official figures", f"{count} in the cell {named}", remedy)
