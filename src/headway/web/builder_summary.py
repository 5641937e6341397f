"""What a draft would come to, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from headway.control.context import Context
from headway.control.forecast_plan import longest_warmup
from headway.control.preview import Preview, preview
from headway.control.preview_job import JobPreview, preview_job
from headway.control.translate_runs import RUNS
from headway.domain.specs import Spec
from headway.domain.trading import TIMEFRAMES_S
from headway.web.wording import MISSING, say_bytes, say_duration, say_number

_DAY_S = 86_400.0
_STEPS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Row:
    """One figure. `why` is said where it is missing."""

    label: str
    value: str
    why: str = ""


@dataclass(frozen=True)
class Lookback:
    """How far back one forecast looks on a timeframe."""

    timeframe: str
    bars: str
    days: str
    rows: str


@dataclass(frozen=True)
class Summary:
    """`headline` is what a phone shows when the summary is folded."""

    headline: str
    rows: list[Row]
    contexts: list[Lookback] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def summarise(context: Context, spec: Spec) -> Summary:
    """The summary of a spec of any kind."""
    if spec.origin == RUNS:
        found = preview(context, spec)
        return Summary(
            headline=f"{_say_count(found.parameters)} parameters · {_say_place(found.queue_position)}",
            rows=list(_forecast_rows(found, spec)),
            contexts=[_context_of(found, name) for name in found.config.data.timeframes],
            warnings=found.warnings,
        )
    job = preview_job(context, spec)
    return Summary(
        headline=f"{say_duration(job.planned_s)} · {_say_place(job.queue_position)}",
        rows=list(_job_rows(job)),
        warnings=job.warnings,
    )


def _forecast_rows(found: Preview, spec: Spec) -> Iterator[Row]:
    plan, time = found.plan, found.time
    yield Row("Parameters", _say_count(found.parameters))
    yield Row("Memory, about", say_bytes(found.memory_bytes))
    yield Row("Rows", say_number(plan.rows if plan else None), found.missing.get("rows", ""))
    if plan is not None:
        warmup = longest_warmup(found.config)
        yield Row(
            "Usable, after context and warm-up", say_number(plan.usable), f"warm-up {warmup:,} base bars"
        )
        yield Row("To train", say_number(plan.train))
        yield Row("To validate", say_number(plan.validation))
        yield Row("To test", say_number(plan.test))
    yield Row("Left out between splits", f"{found.config.purge_bars:,} bars")
    span = f"{say_duration(time.low_s)} to {say_duration(time.high_s)}" if time else MISSING
    yield Row(
        "Time",
        span,
        f"from {time.measured_on} runs of about this size" if time else found.missing.get("time", ""),
    )
    yield from _cost_rows(
        found.cost_usd, spec.limits.max_cost_usd, found.missing.get("estimated_cost_usd", "")
    )
    yield Row("Queue", _say_place(found.queue_position))


def _job_rows(found: JobPreview) -> Iterator[Row]:
    yield Row("Trains for", say_duration(found.planned_s))
    yield Row("Stopped after", say_duration(found.hard_s))
    for symbol, rows in found.rows.items():
        yield Row(f"Bars of {symbol}", say_number(rows), "" if rows is not None else "not counted")
    yield from _cost_rows(found.cost_usd, found.max_cost_usd, "")
    yield Row("Queue", _say_place(found.queue_position))


def _cost_rows(cost_usd: float | None, max_usd: float | None, why: str) -> Iterator[Row]:
    yield Row("Cost, at most about", MISSING if cost_usd is None else f"${cost_usd:,.2f}", why)
    if max_usd is not None:
        yield Row("Budget", f"${max_usd:,.2f}")


def _context_of(found: Preview, timeframe: str) -> Lookback:
    bars, coverage = found.config.model.context_bars, found.coverages[timeframe]
    days = bars * TIMEFRAMES_S[timeframe] / _DAY_S
    return Lookback(
        timeframe, f"{bars:,}", say_number(days, 3), say_number(coverage.rows if coverage else None)
    )


def _say_place(position: int) -> str:
    return "next to start" if position == 0 else f"{position:,} ahead"


def _say_count(count: int) -> str:
    """`6.1 M`."""
    for size, unit in _STEPS:
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
