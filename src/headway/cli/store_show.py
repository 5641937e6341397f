"""What the commands of `headway store` say, to people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headway.control.vacuum import Plan
from headway.domain.clock import format_utc
from headway.domain.errors import HeadwayError
from headway.domain.retention import Kept, Removal
from headway.store.backup import Backup
from headway.store.copying import Copied
from headway.store.findings import NOTE, Finding, Report

_SHOWN = 20  # findings of one kind; --json has all of them
_MARKS = {"note": "[yellow]note:[/]", "problem": "[red]problem:[/]"}


def show_report(report: Report, where: str) -> None:
    console = _console()
    counted = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    console.print(escape(f"{where}: {counted or 'could not be looked into'}"))
    if report.findings:
        _show_findings(console, report.findings)
    problems = sum(finding.level != NOTE for finding in report.findings)
    console.print("[green]ok:[/] nothing is wrong" if report.ok else f"[red]problems:[/] {problems}")


def report_to_json(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "counts": report.counts,
        "findings": [finding.to_json() for finding in report.findings],
    }


def show_backup(made: Backup) -> None:
    console = _console()
    files = f", {made.files} files" if made.files else ""
    console.print(escape(f"wrote {made.path}: {size_text(made.size_bytes)}{files}"))
    if made.report is None:
        console.print("[yellow]note:[/] a dump cannot be looked into; `pg_restore --list` reads its contents")
    else:
        counted = ", ".join(f"{count} {name}" for name, count in made.report.counts.items())
        console.print(f"[green]ok:[/] the copy was checked: {counted}")
    console.print("how to restore it: docs/operations.md")


def show_copied(copied: Sequence[Copied], source: str, target: str) -> None:
    console = _console()
    table = Table("table", "rows", "SHA-256 of the rows, on both sides", box=None, pad_edge=False)
    for each in copied:
        table.add_row(each.table, str(each.rows), each.sha256[:16])
    console.print(table)
    console.print(escape(f"copied {source} to {target}; the source is unchanged"))
    console.print(
        "next: set HEADWAY_DATABASE_URL to the new one, run `headway store check`, start the server"
    )


def copied_to_json(copied: Sequence[Copied]) -> dict[str, Any]:
    return {"tables": [asdict(each) for each in copied]}


def show_plans(plans: Sequence[Plan], given_back: int | None, *, applied: bool) -> None:
    console = _console()
    for plan in plans:
        ended = format_utc(plan.run.finished_at)[:10] if plan.run.finished_at else ""
        what = ", ".join(_removal_text(removal) for removal in plan.removals)
        console.print(f"{plan.run.id}  {plan.run.state:<9}  {ended}  {what}")
    total = size_text(sum(plan.size_bytes for plan in plans))
    console.print(f"{'removed' if applied else 'would go'}: {total} of {len(plans)} runs")
    if not applied:
        console.print("nothing was changed; say --apply to do it" if plans else "nothing to do")
    elif given_back:
        console.print(f"the database file is {size_text(given_back)} smaller")
    else:
        console.print("the size of the database is as it was; its free space is used again")


def plans_to_json(plans: Sequence[Plan], given_back: int | None, *, applied: bool) -> dict[str, Any]:
    return {
        "applied": applied,
        "size_bytes": sum(plan.size_bytes for plan in plans),
        "database_given_back_bytes": given_back,
        "runs": [
            {
                "run_id": plan.run.id,
                "state": plan.run.state.value,
                **{removal.kept.value: removal.to_json() for removal in plan.removals},
            }
            for plan in plans
        ],
    }


def _removal_text(removal: Removal) -> str:
    """`logs (2 files, 41.7 KiB)`."""
    units = {Kept.LOGS: "files", Kept.CHECKPOINTS: "folders", Kept.METRICS: "points"}
    count = removal.points or len(removal.paths)
    return f"{removal.kept} ({count} {units[removal.kept]}, {size_text(removal.size_bytes)})"


def say_error(error: HeadwayError) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(str(error))}")


def size_text(size_bytes: int) -> str:
    """`1.5 MiB`."""
    size, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """The first findings of each check, and how many more there are."""
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.check] += 1
        if seen[finding.check] <= _SHOWN:
            told = escape(f"{finding.check}: {finding.about}: {finding.found}")
            console.print(f"{_MARKS[finding.level]} {told}")
            console.print(escape(f"  to do: {finding.remedy}"))
    for check, count in seen.items():
        if count > _SHOWN:
            console.print(f"{check}: and {count - _SHOWN} more; --json tells all of them")


def _console() -> Console:
    """Lines are not wrapped: paths can be copied."""
    return Console(highlight=False, soft_wrap=True)
