"""Series of numbers of runs: thinned with their extremes kept, and side by side by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headway.control.context import Context
from headway.control.query import get_view, require_kept
from headway.domain.metrics import Bucket
from headway.domain.retention import Kept
from headway.domain.runs import Run
from headway.ports import Transaction

Points = dict[int, float]  # step -> value, in order of step

FEWEST_WITH_ENDS = 4  # points of a series among which its first and its last are
_MAX_COMPARED_NAMES = 50


@dataclass(frozen=True)
class Window:
    """Which part of the series is asked for, and how finely."""

    names: tuple[str, ...] = ()  # none: all
    attempt: int | None = None
    first_step: int | None = None
    last_step: int | None = None
    points: int = 1000  # of each series, at most


@dataclass(frozen=True)
class Numbers:
    """Series by name; `thinned` names those that have more points than are shown."""

    names: list[str]  # all there are
    series: dict[str, Points]
    thinned: list[str]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: what differs in their configurations, and their numbers by step."""

    runs: list[Run]
    differences: dict[str, list[Any]]
    numbers: dict[str, tuple[list[int], list[list[float | None]]]]


def read_numbers(context: Context, run_id: str, window: Window) -> Numbers:
    """Series of one run. NotFound for no such run, and for one whose series were removed."""
    run = get_view(context, run_id).run
    found = context.store.read(lambda tx: _read(tx, run_id, window))
    if not found.names:
        require_kept(run, Kept.METRICS)
    return found


def compare_runs(context: Context, run_ids: Sequence[str], window: Window) -> Comparison:
    """Runs side by side. NotFound when one is not there."""
    runs = [get_view(context, run_id).run for run_id in run_ids]
    found = context.store.read(lambda tx: [_read(tx, run.id, window) for run in runs])
    names = list(dict.fromkeys(name for numbers in found for name in numbers.series))[:_MAX_COMPARED_NAMES]
    return Comparison(
        runs,
        find_differences([run.spec.config for run in runs]),
        {name: align([numbers.series.get(name, {}) for numbers in found]) for name in names},
    )


def find_differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values of every key on which not all agree; None where there is no such key."""
    flat = [dict(_flatten(config, "")) for config in configs]
    keys = dict.fromkeys(key for each in flat for key in each)
    rows = {key: [each.get(key) for each in flat] for key in keys}
    return {
        key: values
        for key, values in rows.items()
        if any(value != values[0] for value in values) or any(key not in each for each in flat)
    }


def align(series: Sequence[Points]) -> tuple[list[int], list[list[float | None]]]:
    """All steps in order, and for each series its value there, None where it has none."""
    steps = sorted({step for points in series for step in points})
    return steps, [[points.get(step) for step in steps] for points in series]


def _read(tx: Transaction, run_id: str, window: Window) -> Numbers:
    names = tx.series_names(run_id)
    series: dict[str, Points] = {}
    thinned: list[str] = []
    for name in window.names or names:
        buckets = _read_buckets(tx, run_id, name, window, window.points)
        series[name] = _expand(buckets)
        if any(bucket.count > 1 for bucket in buckets):
            thinned.append(name)
            series[name] = _thin(tx, run_id, name, window)
    return Numbers(names, series, thinned)


def _thin(tx: Transaction, run_id: str, name: str, window: Window) -> Points:
    """The extremes of each bucket, and where there is room the first and the last point, which tell how it stands."""
    # A bucket of several points is drawn by two, so half as many will do.
    buckets = _read_buckets(tx, run_id, name, window, max((window.points - 2) // 2, 1))
    if window.points < FEWEST_WITH_ENDS:
        return dict([*_expand(buckets).items()][-window.points :])
    steps = (buckets[0].first_step, buckets[-1].last_step)
    ends = [replace(window, first_step=step, last_step=step) for step in steps]
    first, last = (_expand(_read_buckets(tx, run_id, name, end, 1)) for end in ends)
    return first | _expand(buckets) | last


def _read_buckets(tx: Transaction, run_id: str, name: str, window: Window, count: int) -> list[Bucket]:
    return tx.series(
        run_id,
        name,
        attempt=window.attempt,
        first_step=window.first_step,
        last_step=window.last_step,
        max_buckets=count,
    )


def _expand(buckets: Sequence[Bucket]) -> Points:
    points: Points = {}
    for bucket in buckets:
        ends = [(bucket.min_step, bucket.min_value), (bucket.max_step, bucket.max_value)]
        points |= dict(sorted(ends))
    return points


def _flatten(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
