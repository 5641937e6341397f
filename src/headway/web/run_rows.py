"""Runs as rows: the one number that each is judged by, and all that a row says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from headway.control.query import RunView
from headway.domain.clock import format_utc
from headway.domain.json import finite
from headway.domain.runs import Run
from headway.domain.subjects import symbols_of, timeframes_of
from headway.web.standing import Standing, say_progress, standing_of

# The numbers by which runs of a kind are judged, the best known first.
_JUDGED_BY = {
    "ppo": ("sharpe", "validation/sharpe", "rollout/reward_mean", "train/loss"),
    "forecast": ("test_skill", "val/loss", "train/loss"),
}
# What is drawn of a kind: a course that tells at a glance whether it learns.
_DRAWN = {
    "ppo": ("rollout/reward_mean", "validation/growth", "train/loss"),
    "forecast": ("val/loss", "train/loss"),
}
_ANY = ("val/loss", "train/loss")
_MACHINE = ("system/", "time/")


@dataclass(frozen=True)
class Number:
    """`which` of its values it is: `best`, `newest`, or empty for one of the result, which has no other."""

    name: str
    value: float | None
    which: str = ""


@dataclass(frozen=True)
class RunRow:
    """All that a row of the list says of a run."""

    id: str
    title: str
    has_name: bool
    kind: str
    executor: str
    standing: Standing
    error: str
    ended: bool
    waiting: bool
    fraction: float
    progress: str
    number: Number | None
    curve: str  # the series that is drawn; empty where there is none
    curve_address: str
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    tags: tuple[str, ...]
    created_at: str
    started_at: str  # like the end empty until then
    ended_at: str
    data_label: str


def to_row(view: RunView, now: datetime, metric: str | None = None) -> RunRow:
    """A run as a row, with a metric or the one of its kind."""
    run = view.run
    curve = pick_curve(run, metric)
    return RunRow(
        id=run.id,
        title=run.name or run.id,
        has_name=bool(run.name),
        kind=run.spec.engine,
        executor=run.spec.executor,
        standing=standing_of(view, now),
        error=run.error or "",
        ended=run.ended,
        waiting=view.queue_position is not None,
        fraction=run.progress.fraction,
        progress=say_progress(run),
        number=pick_number(run, metric),
        curve=curve,
        curve_address=_curve_address(run, curve) if curve else "",
        symbols=symbols_of(run.spec),
        timeframes=timeframes_of(run.spec),
        tags=run.tags,
        created_at=format_utc(run.created_at),
        started_at=format_utc(run.started_at) if run.started_at else "",
        ended_at=format_utc(run.finished_at) if run.finished_at else "",
        data_label=(run.result.data_label or "") if run.result else "",
    )


def numbers_of(run: Run) -> dict[str, float | None]:
    """The best of each metric, else its newest, and the headline numbers of the result."""
    return {**run.latest, **run.best, **_results(run)}


def pick_number(run: Run, metric: str | None) -> Number | None:
    """The number of that name, missing or not; without a name the first that there is of those of the kind."""
    known = numbers_of(run)
    if metric is not None:
        return Number(metric, known.get(metric), _which(run, metric))
    wanted = next(
        (name for name in _JUDGED_BY.get(run.spec.engine, _ANY) if known.get(name) is not None), None
    )
    return None if wanted is None else Number(wanted, known[wanted], _which(run, wanted))


def pick_curve(run: Run, metric: str | None) -> str:
    """The series to draw: the metric if it is one, else that of the kind, else the first that is not the machine's."""
    if metric is not None and metric in run.latest:
        return metric
    wanted = (*_DRAWN.get(run.spec.engine, _ANY), *sorted(run.latest))
    return next((name for name in wanted if name in run.latest and not name.startswith(_MACHINE)), "")


def metric_names(views: list[RunView]) -> list[str]:
    """Names to choose from, of the runs that are shown."""
    return sorted(
        {name for view in views for name, value in numbers_of(view.run).items() if value is not None}
    )


def _results(run: Run) -> dict[str, float | None]:
    results = run.result.metrics if run.result else {}
    return {name: finite(value) for name, value in results.items()}


def _which(run: Run, name: str) -> str:
    if name in _results(run):
        return ""
    return "best" if name in run.best else "newest" if name in run.latest else ""


def _curve_address(run: Run, curve: str) -> str:
    """It changes with the run, so that browsers may keep the picture."""
    at = f"{run.attempt}-{run.progress.step or 0}-{run.state}"
    return f"/ui/list/curve/{quote(run.id)}.svg?{urlencode({'name': curve, 'at': at})}"
