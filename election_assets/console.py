"""What the command line shows: tables of results, progress, one sentence for an error."""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
from rich.console import Console
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

from election_assets.reconciliation import Cell
from election_assets.results import CandidateResult, Results
from engines.doctor import Finding

METHOD_LABELS = {
    "election_day": "Election day",
    "mail": "Mail",
    "early": "Early",
    "provisional": "Provisional",
    "total": "Total",
}

# Where nobody's terminal sets the width, wide enough for a contest with all its methods.
_WIDTH_WITHOUT_TERMINAL = 120

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
err = Console(stderr=True, highlight=False)


def say(sentence: str) -> None:
    """Print a sentence about what was done or could not be; never results, which are for `out`."""
    err.print(escape(sentence), soft_wrap=True)


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
    """Print each contest's candidates with votes, share and method split, then the turnout."""
    methods = _methods(results.candidates)
    for _, lines in groupby(results.candidates, key=lambda line: line.contest_id):
        contest = list(lines)
        allowed = contest[0].votes_allowed
        table = _table(contest[0].contest_name + (f" (vote for {allowed})" if allowed > 1 else ""))
        table.add_column("", justify="right", width=2)
        table.add_column("Candidate", min_width=24)
        table.add_column("Party", min_width=5)
        for name in ("Votes", "Share", *(METHOD_LABELS[method] for method in methods if len(methods) > 1)):
            table.add_column(name, justify="right")
        for result in contest:
            split = [f"{result.votes_by_method.get(method, 0):,}" for method in methods if len(methods) > 1]
            table.add_row(
                "" if result.rank is None else str(result.rank),
                escape(result.candidate_name),
                escape(result.party or ""),
                f"{result.vote_count:,}",
                share(result.vote_share),
                *split,
            )
        out.print(table)
        out.print()
    show_standing(results)


def show_standing(results: Results) -> None:
    """Print turnout and what became of the messages judged so far."""
    standing = results.standing
    registered = standing.registered_voter_count
    of = "registration unknown" if registered is None else f"of {registered:,} registered"
    line(f"[bold]Turnout[/] {share(standing.turnout_share)}: {standing.ballot_count:,} ballots, {of}")
    as_of = f"{standing.counted_at:%Y-%m-%d %H:%M:%S %Z}" if standing.counted_at else "nothing counted yet"
    line(
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


def show_totals(totals: Iterable[dict[str, Any]]) -> None:
    """Print running totals as they come, until Ctrl-C."""
    try:
        for total in totals:
            names = f"{total['contest_id']:24} {total['candidate_name']:28}"
            out.print(escape(f"{total['position']:>12,}  {names} {total['total_votes']:>10,}"), soft_wrap=True)
    except KeyboardInterrupt:
        return


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
        "vote_share",
        "rank",
    )
    writer.writerow((*names, *methods))
    for line in results.candidates:
        split = [line.votes_by_method.get(method, 0) for method in methods]
        writer.writerow((*(getattr(line, name) for name in names), *split))
    return text.getvalue()


def as_json(value: object) -> str:
    """Spell dataclasses, times, decimals and paths as JSON with an indent."""
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value)).decode()


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))


def _methods(candidates: list[CandidateResult]) -> list[str]:
    found = {method for line in candidates for method in line.votes_by_method}
    return [method for method in METHOD_LABELS if method in found]
