"""What the command line shows: tables of results, progress, one sentence for an error."""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from election_assets.domain.plain_text import harmless, visible
from election_assets.reconciliation import Cell
from election_assets.results import CandidateResult, ContestStanding, PastStanding, Results
from engines.doctor import Finding

if TYPE_CHECKING:
    from audit.verification import Verification

METHOD_LABELS = {
    "election_day": "Election day",
    "mail": "Mail",
    "early": "Early",
    "provisional": "Provisional",
    "total": "Total",
}

# Where nobody's terminal sets the width, wide enough for a contest with all its methods.
_WIDTH_WITHOUT_TERMINAL = 120
_MOMENT = "%Y-%m-%d %H:%M:%S %Z"

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
err = Console(stderr=True, highlight=False)


def say(sentence: str) -> None:
    """Print a sentence about what was done or could not be; never results, which are for `out`."""
    err.print(escape(visible(sentence, but="\n")), soft_wrap=True)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the body runs; what it yields is told what is done and what there is in all."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bars.update(bar, completed=done, total=total or None)

        yield report


def line(text: str) -> None:
    """Print a line of results, as long as it is."""
    out.print(text, soft_wrap=True)


def share(value: Decimal | None) -> str:
    """Spell a share of 0–1 as a percentage; a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def show_results(results: Results) -> None:
    """Print each contest's candidates with votes, share and method split, then how far the count is."""
    for contest in _contests(results, _methods(results.candidates)):
        out.print(contest)
        out.print()
    for sentence in _standing(results):
        line(sentence)


def show_results_live(versions: Iterable[Results]) -> None:
    """Show one version after the other until Ctrl-C: in a terminal each in the place of the one before."""
    with suppress(KeyboardInterrupt):
        if not out.is_terminal:
            for results in versions:
                show_results(results)
            return
        with Live(console=out, auto_refresh=False, vertical_overflow="ellipsis") as shown:
            for results in versions:
                # Without the split by method the contests stand side by side, and more of them fit.
                contests = Columns(_contests(results, ()), padding=(1, 4))
                shown.update(Group(*_standing(results), contests), refresh=True)


def _contests(results: Results, methods: Sequence[str]) -> Iterator[Group]:
    races = {contest.contest_id: contest for contest in results.contests}
    for contest_id, lines in groupby(results.candidates, key=lambda line: line.contest_id):
        table = _contest_table(list(lines), methods if len(methods) > 1 else ())
        race = races.get(contest_id)
        yield Group(table) if race is None else Group(table, _race(race))


def _contest_table(contest: Sequence[CandidateResult], methods: Sequence[str]) -> Table:
    allowed = contest[0].votes_allowed
    corrected = any(result.adjustment_count for result in contest)
    table = _table(contest[0].contest_name + (f" (vote for {allowed})" if allowed > 1 else ""))
    table.add_column("", justify="right", width=2)
    table.add_column("Candidate", min_width=24)
    table.add_column("Party", min_width=5)
    for name in ("Votes", "Share", *(("Counted", "Corrections") if corrected else ())):
        table.add_column(name, justify="right")
    for method in methods:
        table.add_column(METHOD_LABELS[method], justify="right")
    for result in contest:
        beside = [f"{result.vote_count:,}", f"{result.adjustment_count:+,}"] if corrected else []
        table.add_row(
            "" if result.rank is None else str(result.rank),
            escape(result.candidate_name),
            escape(result.party or ""),
            f"{result.adjusted_vote_count:,}",
            share(result.vote_share),
            *beside,
            *(f"{result.votes_by_method.get(method, 0):,}" for method in methods),
        )
    return table


def _race(race: ContestStanding) -> str:
    decided = "decided by arithmetic" if race.is_decided else "not decided"
    if race.margin_count is not None:
        decided = f"margin {race.margin_count:,} ({_points(race.margin_share)}), {decided}"
    out_still = race.expected_outstanding_count
    waited_for = f", {out_still:,} ballots still out" if out_still else ""
    return f"{decided.capitalize()}\n{race.all_count:,} of {race.precinct_count:,} precincts fully counted{waited_for}"


def _points(value: Decimal | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} points"


def _standing(results: Results) -> Iterator[str]:
    """Tell turnout and what became of the messages judged so far, or which past moment the results are of."""
    standing = results.standing
    if isinstance(standing, PastStanding):
        yield f"[bold]As of[/] {standing.as_of_at:{_MOMENT}}: {standing.position:,} messages were judged"
        return
    registered = standing.registered_voter_count
    of = "registration unknown" if registered is None else f"of {registered:,} registered"
    yield f"[bold]Turnout[/] {share(standing.turnout_share)}: {standing.ballot_count:,} ballots, {of}"
    as_of = f"{standing.counted_at:{_MOMENT}}" if standing.counted_at else "nothing counted yet"
    yield (
        f"[bold]Judged[/] {standing.position:,} messages: {standing.counted_count:,} counted, "
        f"{standing.rejected_count:,} rejected, {standing.quarantined_count:,} quarantined; as of {as_of}"
    )


def show_findings(findings: Iterable[Finding]) -> None:
    """Print what the doctor found, a line each."""
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
        out.print(f"{mark}  {escape(finding.name):18} {escape(finding.sentence)}", soft_wrap=True)


def show_cells(cells: Sequence[Cell]) -> None:
    """Print the official cells that differ, beside ours."""
    if not cells:
        return
    table = _table("Cells that differ")
    for name in ("Cell", "Precinct", "Contest", "Candidate", "Method"):
        table.add_column(name)
    for name in ("Official", "Ours", "Derived"):
        table.add_column(name, justify="right")
    for cell in cells:
        names = (cell.cell, cell.precinct_id, cell.contest_id, cell.candidate_id, cell.method)
        figures = (cell.official, cell.ours, cell.replayed)
        table.add_row(*(escape(name or "") for name in names), *("–" if one is None else f"{one:,}" for one in figures))
    out.print(table)


def show_checks(found: "Verification") -> None:
    """Print the checks of a verification, and under each that failed where it differs first."""
    table = _table("")
    for name in ("", "Check"):
        table.add_column(name)
    for name in ("Compared", "Expected", "Found"):
        table.add_column(name, justify="right")
    table.add_column("")
    for check in found.checks:
        mark = "[green]same[/]" if check.passed else f"[red]{check.differing:,} differ[/]"
        table.add_row(str(check.number), check.name, f"{check.compared:,}", check.expected, check.found, mark)
    out.print(table)
    for check in found.checks:
        if check.first:
            line(f"[red]Check {check.number}[/] {escape(check.first)}")


def show_json_lines(values: Iterable[object]) -> None:
    """Print each value as JSON on a line of its own until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        for value in values:
            typer.echo(as_json_line(value))


def results_as_csv(results: Results) -> str:
    """Return the lines of all contests as CSV, a column per method."""
    methods = _methods(results.candidates)
    text = io.StringIO()
    writer = csv.writer(text)
    names = (
        "contest_id",
        "contest_name",
        "candidate_id",
        "candidate_name",
        "party",
        "vote_count",
        "adjustment_count",
        "adjusted_vote_count",
        "vote_share",
        "rank",
    )
    writer.writerow((*names, *methods))
    for line in results.candidates:
        split = [line.votes_by_method.get(method, 0) for method in methods]
        told = (getattr(line, name) for name in names)
        writer.writerow((*(harmless(one) if isinstance(one, str) else one for one in told), *split))
    return text.getvalue()


def as_json(value: object) -> str:
    """Spell dataclasses, times, decimals and paths as JSON with an indent."""
    return msgspec.json.format(as_json_line(value))


def as_json_line(value: object) -> str:
    """Spell the same as JSON on one line."""
    return msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value).decode()


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))


def _methods(candidates: list[CandidateResult]) -> list[str]:
    found = {method for line in candidates for method in line.votes_by_method}
    return [method for method in METHOD_LABELS if method in found]
