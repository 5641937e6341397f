"""Runs, lists of them, previews and comparisons, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from headway.cli.render import (
    MISSING,
    count_text,
    duration_text,
    fraction_text,
    metric_text,
    names_text,
    pairs_table,
    rows_table,
    say,
    text_of,
    time_text,
)
from headway.wire.run_records import RunComparison
from headway.wire.runs import RunCreated, RunList, RunPreview, TrainingRun

STYLES = {"completed": "bold green", "failed": "bold red", "cancelled": "bold yellow"}
_BANNER = "bold black on yellow"
_MEBI = float(1 << 20)


def show_created(console: Console, created: RunCreated, *, hint: bool, done: str = "created") -> None:
    say(console, f"Run {done}: {created.id}", style="bold")
    place = (
        "next to start"
        if created.queue_position == 0
        else f"position {text_of(created.queue_position)} in the queue"
    )
    say(console, created.status if created.queue_position is None else place)
    if hint:
        say(console, f"watch it: headway runs watch {created.id}")


def show_run(console: Console, run: TrainingRun) -> None:
    """One run as it stands, and what came of it."""
    name = f"  {run.name}" if run.name else ""
    say(console, f"{run.id}  {run.status}{name}", style=STYLES.get(run.status, "bold"))
    if run.data_label is not None:
        say(console, f" DATA: {run.data_label} ", style=_BANNER)
    if run.simulated:
        say(console, " SIMULATED: no training took place ", style=_BANNER)
    table = pairs_table()
    for what, value in _run_rows(run):
        if value != MISSING:
            table.add_row(what, value)
    console.print(table)
    _show_results(console, run)


def _run_rows(run: TrainingRun) -> list[tuple[str, str]]:
    progress, contact = run.progress, run.contact
    steps = f"{count_text(progress.step)} of {count_text(progress.steps_total)}" if progress.step else MISSING
    epochs = (
        f"{count_text(progress.epoch)} of {count_text(progress.epochs_total)}" if progress.epoch else MISSING
    )
    kept = [each for each in run.checkpoints if not each.pruned]
    return [
        ("progress", fraction_text(progress.fraction)),
        ("phase", text_of(progress.phase)),
        ("time left", duration_text(progress.eta_s)),
        ("epoch", epochs),
        ("steps", steps),
        ("contact", contact.state if contact else MISSING),
        ("contact lost since", time_text(contact.lost_since if contact else None)),
        ("queue position", MISSING if run.queue_position is None else str(run.queue_position)),
        ("cancel requested", time_text(run.cancel_requested_at)),
        ("why", text_of(run.reason_text) if run.status != "completed" else MISSING),
        ("error", text_of(run.error)),
        ("what to do", text_of(run.remedy) if run.status != "completed" else MISSING),
        ("data", names_text(run.symbols)),
        ("timeframes", names_text(run.timeframes)),
        ("tags", names_text(run.tags)),
        ("seed", text_of(run.seed)),
        ("attempt", str(run.attempt) if run.attempt else MISSING),
        ("checkpoints", f"{len(kept)}, newest {kept[0].filename}" if kept else MISSING),
        ("created", time_text(run.created_at)),
        ("started", time_text(run.started_at)),
        ("completed", time_text(run.completed_at)),
        ("notes", text_of(run.notes)),
    ]


def _show_results(console: Console, run: TrainingRun) -> None:
    """The headline numbers once there are some, else the newest."""
    found: dict[str, Any] = dict(run.results) or {
        name: value for name, value in run.metrics.model_dump().items() if value is not None
    }
    if not found:
        return
    table = rows_table("result" if run.results else "newest", "value")
    for name, value in found.items():
        table.add_row(name, metric_text(value))
    console.print(table)
    verdict = run.details.get("verdict")
    if isinstance(verdict, str):
        say(console, verdict, style="bold")
    missing = run.details.get("missing")
    for name, why in missing.items() if isinstance(missing, dict) else ():
        say(console, f"no {name}: {why}", style="dim")


def show_list(console: Console, page: RunList) -> None:
    """Runs, a line each."""
    table = rows_table(
        "run", "status", "done", "name", "data", "timeframes", "created", "phase or reason", "val loss"
    )
    for run in page.runs:
        table.add_row(
            run.id,
            run.status,
            fraction_text(run.progress.fraction, 0),
            text_of(run.name),
            names_text(run.symbols),
            names_text(run.timeframes),
            time_text(run.created_at),
            text_of(run.reason or run.progress.phase),
            metric_text(run.metrics.val_loss),
        )
    console.print(table)
    more = "; --all shows the rest" if page.next_cursor else ""
    say(console, f"{len(page.runs)} of {page.total_count} runs{more}", style="dim")


def show_preview(console: Console, preview: RunPreview) -> None:
    """What would be trained, on how much, and what speaks against it."""
    table = pairs_table()
    for what, value in _preview_rows(preview):
        if value != MISSING:
            table.add_row(what, value)
    for context in preview.contexts:
        days = f"{context.context_bars} bars back ({metric_text(context.context_days)} days)"
        table.add_row(f"sees of {context.timeframe}", f"{days}, of {count_text(context.rows)} bars")
    console.print(table)
    refused = [each.message for each in preview.refusals]
    for message in refused:
        say(console, f"would be refused: {message}", style="bold red")
    for warning in preview.warnings:
        if warning not in refused:
            say(console, f"warning: {warning}", style="yellow")
    for name, why in preview.missing.items():
        say(console, f"no {name}: {why}", style="dim")
    say(console, "Nothing was created: leave --preview out to train it.", style="dim")


def _preview_rows(preview: RunPreview) -> list[tuple[str, str]]:
    splits, time = preview.splits, preview.time
    parts = (
        f"{splits.train:,} train, {splits.validation:,} validation, {splits.test:,} test"
        if splits
        else MISSING
    )
    memory = None if preview.memory_bytes is None else preview.memory_bytes / _MEBI
    return [
        ("bars", count_text(preview.rows)),
        ("forecasts that can be made", count_text(preview.rows_usable)),
        ("in the splits", parts),
        ("parameters", count_text(preview.parameter_count)),
        ("memory", MISSING if memory is None else f"{memory:,.0f} MiB"),
        ("time", f"{duration_text(time.low_s)} to {duration_text(time.high_s)}" if time else MISSING),
        ("cost", MISSING if preview.estimated_cost_usd is None else f"${preview.estimated_cost_usd:.2f}"),
        ("queue position", str(preview.queue_position)),
    ]


def show_comparison(console: Console, found: RunComparison) -> None:
    """On what runs differ, and their results; what is the same in all is not shown."""
    table = rows_table("", *found.ids)
    table.add_row("status", *(run.status for run in found.runs))
    for difference in found.differences:
        table.add_row(difference.key, *(_value_text(value) for value in difference.values))
    names = dict.fromkeys(name for run in found.runs for name in run.results)
    for name in names:
        values = [run.results.get(name) for run in found.runs]
        if len(set(values)) > 1:
            table.add_row(name, *map(metric_text, values))
    console.print(table)
    if not found.differences:
        say(console, "Their configurations do not differ.", style="dim")


def _value_text(value: Any) -> str:
    return metric_text(value) if isinstance(value, float) else text_of(value)
