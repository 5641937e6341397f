"""Jobs, their results, lists of them and the queue, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headway.cli.render import (
    MISSING,
    count_text,
    duration_text,
    fraction_text,
    interval_text,
    names_text,
    number_text,
    pairs_table,
    percent_text,
    rows_table,
    say,
    text_of,
    time_text,
)
from headway.domain.states import State
from headway.wire.jobs import JobArtifacts, JobList, JobMetrics, JobResults, QueueStatus, TrainingJob

STATE_STYLES: dict[str, str] = {
    State.DONE: "bold green",
    State.FAILED: "bold red",
    State.CANCELLED: "bold yellow",
}
_BANNER = "bold black on yellow"

_MISSING_LABELS = {
    "sharpe": "Sharpe ratio",
    "ciSharpe95": "interval",
    "winRate": "win rate",
    "improvementPct": "improvement",
    "intervalExcludesBuyAndHold": "comparison with buying and holding",
}


def show_job(console: Console, job: TrainingJob) -> None:
    """One job as it stands."""
    say(console, f"{job.job_id}  {job.state}", style=STATE_STYLES.get(job.state, "bold"))
    _show_label(console, job)
    table = pairs_table()
    for what, value in _job_rows(job):
        if value != MISSING:
            table.add_row(what, value)
    console.print(table)
    if job.manifest_path is not None:
        say(console, f"manifest: {job.manifest_path}")


def _job_rows(job: TrainingJob) -> list[tuple[str, str]]:
    steps = f"{count_text(job.step)} of {count_text(job.steps_total)}" if job.step is not None else MISSING
    return [
        ("progress", fraction_text(job.progress)),
        ("phase", text_of(job.phase)),
        ("time left", duration_text(job.eta_seconds)),
        ("steps", steps),
        ("steps a second", count_text(job.steps_per_second)),
        ("contact", job.contact.state if job.contact else MISSING),
        ("contact lost since", time_text(job.contact.lost_since if job.contact else None)),
        ("queue position", MISSING if job.queue_position is None else str(job.queue_position)),
        ("cancel requested", time_text(job.cancel_requested_at)),
        ("why", text_of(job.reason_text)),
        ("error", text_of(job.error)),
        ("what to do", text_of(job.remedy)),
        ("symbols", names_text(job.symbols)),
        ("timeframe", text_of(job.timeframe)),
        ("features", names_text(job.features)),
        ("seed", text_of(job.seed)),
        ("attempt", str(job.attempt) if job.attempt else MISSING),
        ("created", time_text(job.created_at)),
        ("started", time_text(job.started_at)),
        ("finished", time_text(job.finished_at)),
        ("notes", text_of(job.notes)),
    ]


def show_results(console: Console, results: JobResults) -> None:
    """How a job ended, its numbers against buying and holding, and where its files lie."""
    job = results.job
    say(console, f"{job.job_id}  {job.state}", style=STATE_STYLES.get(job.state, "bold"))
    _show_label(console, job)
    show_end(console, job)
    if results.metrics is not None:
        console.print(_metrics_table(results.metrics))
        _show_missing(console, results.metrics)
        _show_verdict(console, results.metrics)
    _show_files(console, results)


def show_end(console: Console, job: TrainingJob) -> None:
    """Why a job that did not end well ended, and what to do."""
    if job.state == State.DONE:
        return
    for what, text in (("why", job.reason_text), ("error", job.error), ("what to do", job.remedy)):
        if text:
            say(console, f"{what}: {text}")


def _metrics_table(metrics: JobMetrics) -> Table:
    held = JobMetrics.model_validate(metrics.buy_and_hold or {})
    table = rows_table("test window, after costs", "this training", "buy and hold")
    both = (metrics, held)
    table.add_row("Sharpe ratio, annualised", *(number_text(one.sharpe) for one in both))
    table.add_row("  its 95 % interval", *(interval_text(one.ci_sharpe95) for one in both))
    table.add_row("return", *(percent_text(one.return_pct) for one in both))
    table.add_row("maximum drawdown", *(percent_text(one.max_dd_pct) for one in both))
    table.add_row("win rate", *(fraction_text(one.win_rate) for one in both))
    table.add_row("trades", *(count_text(one.trades) for one in both))
    table.add_row("generation", count_text(metrics.generation), "")
    table.add_row("improvement on the one before", percent_text(metrics.improvement_pct), "")
    return table


def _show_missing(console: Console, metrics: JobMetrics) -> None:
    """Why a number is a dash."""
    for name, why in metrics.missing.items():
        say(console, f"no {_MISSING_LABELS.get(name, name)}: {why}", style="dim")


def _show_verdict(console: Console, metrics: JobMetrics) -> None:
    """What the interval says of the difference, and no more than that."""
    if metrics.interval_excludes_buy_and_hold is None:
        return
    if not metrics.interval_excludes_buy_and_hold:
        say(
            console,
            "No proven difference from buying and holding: the 95 % interval of the difference includes 0.",
        )
        return
    held = JobMetrics.model_validate(metrics.buy_and_hold or {}).sharpe
    side = "outside it" if metrics.sharpe is None or held is None else _side(metrics.sharpe, held)
    say(
        console,
        f"The 95 % interval of the difference from buying and holding excludes 0: this training lies {side}.",
    )


def _side(sharpe: float, held: float) -> str:
    return "above it" if sharpe > held else "below it"


def _show_files(console: Console, results: JobResults) -> None:
    """A line each and never folded: paths are to be copied."""
    found = results.artifacts or JobArtifacts()
    say(console, f"report    {text_of(found.report_html)}")
    say(console, f"model     {text_of(found.model_path)}")
    say(console, f"metrics   {text_of(found.metrics_path)}")
    say(console, f"manifest  {text_of(results.manifest_path)}")


def _show_label(console: Console, job: TrainingJob) -> None:
    if job.data_label is not None:
        say(console, f" DATA: {job.data_label} ", style=_BANNER)
    if job.simulated:
        say(console, " SIMULATED: no training took place ", style=_BANNER)


def show_list(console: Console, page: JobList) -> None:
    """Jobs, newest first, a line each."""
    table = rows_table("job", "state", "done", "symbols", "created", "phase or reason", "Sharpe")
    for job in page.jobs:
        table.add_row(
            job.job_id,
            job.state,
            fraction_text(job.progress, 0),
            names_text(job.symbols),
            time_text(job.created_at),
            text_of(job.reason or job.phase),
            number_text(job.metrics.sharpe if job.metrics else None),
        )
    console.print(table)
    more = "; --all shows the rest" if page.next_cursor else ""
    say(console, f"{len(page.jobs)} of {page.total} jobs{more}", style="dim")


def show_queue(console: Console, queue: QueueStatus) -> None:
    """What runs, what waits, and the slots."""
    table = rows_table("job", "state", "done", "symbols", "phase or since", "slots or position")
    for job in queue.running:
        done = fraction_text(job.progress, 0)
        slots = names_text(job.slots)
        table.add_row(job.job_id, job.state, done, names_text(job.symbols), text_of(job.phase), slots)
    for one in queue.waiting:
        since, place = time_text(one.created_at), f"position {one.position}"
        table.add_row(one.job_id, State.QUEUED, "", names_text(one.symbols), since, place)
    if table.row_count:
        console.print(table)
    free = sum(slot.job_id is None for slot in queue.slots)
    say(
        console,
        f"{len(queue.running)} running, {queue.queue_length} waiting, {free} of {len(queue.slots)} slots free",
    )
