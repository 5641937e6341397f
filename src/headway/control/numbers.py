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
Aligned = tuple[list[int], list[list[float | None]]]  # steps, and for each run its value at each of them

FEWEST_WITH_ENDS = 4  # points of a series among which its first and its last are
_COMPARED_UNASKED = 50  # names; those that are asked for are all told


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
    """Runs side by side: what differs in their configurations, and their numbers by step.

    `thinned` are the names that are told by stretches, `left_out` those that nobody asked for by name.
    """

    runs: list[Run]
    differences: dict[str, list[Any]]
    numbers: dict[str, Aligned]
    thinned: list[str]
    left_out: list[str]


def read_numbers(context: Context, run_id: str, window: Window) -> Numbers:
    """Series of one run. NotFound for no such run, and for one whose series were removed."""
    run = get_view(context, run_id).run
    found = context.store.read(lambda tx: _read(tx, run_id, window))
    if not found.names:
        require_kept(run, Kept.METRICS)
    return found


def read_newest(tx: Transaction, run_id: str, attempt: int, step: int) -> dict[str, float]:
    """The newest number of each name that an attempt gave up to a step."""
    found: dict[str, float] = {}
    for name in tx.series_names(run_id):
        for bucket in _read_buckets(tx, run_id, name, Window(attempt=attempt, last_step=step), 1):
            found[name] = _read_at(tx, run_id, name, Window(attempt=attempt), bucket.last_step)[
                bucket.last_step
            ]
    return found


def compare_runs(context: Context, run_ids: Sequence[str], window: Window) -> Comparison:
    """Runs side by side. NotFound when one is not there."""
    runs = [get_view(context, run_id).run for run_id in run_ids]
    named = context.store.read(lambda tx: [tx.series_names(run.id) for run in runs])
    names = list(window.names) or list(dict.fromkeys(name for each in named for name in each))
    kept = names if window.names else names[:_COMPARED_UNASKED]
    ids = [run.id for run in runs]
    found = context.store.read(lambda tx: {name: _align_name(tx, ids, name, window) for name in kept})
    return Comparison(
        runs,
        find_differences([run.spec.config for run in runs]),
        {name: aligned for name, (aligned, _) in found.items()},
        [name for name, (_, thinned) in found.items() if thinned],
        names[len(kept) :],
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


def align(series: Sequence[Points]) -> Aligned:
    """All steps in order, and for each series its value there, None where it has none."""
    steps = sorted({step for points in series for step in points})
    return steps, [[points.get(step) for step in steps] for points in series]


def align_stretches(series: Sequence[Points], count: int) -> Aligned:
    """The same of at most `count` stretches of equal length, which all series share: thinned each by itself, they would
    hardly meet at a step. A stretch has two steps, its ends, for the extremes of a series in it as they came.
    """
    every = [step for points in series for step in points]
    first, last = min(every), max(every)
    length = -(-(last - first + 1) // count)
    return align([_draw_stretches(points, first, last, length) for points in series])


def _draw_stretches(points: Points, first: int, last: int, length: int) -> Points:
    held: dict[int, Points] = {}
    for step, value in points.items():
        held.setdefault((step - first) // length, {})[step] = value
    drawn: Points = {}
    for number, inside in held.items():
        begin = first + number * length
        low, high = (pick(inside, key=inside.__getitem__) for pick in (min, max))
        drawn[begin] = inside[min(low, high)]
        drawn[min(begin + length - 1, last)] = inside[max(low, high)]
    return drawn


def _align_name(tx: Transaction, run_ids: Sequence[str], name: str, window: Window) -> tuple[Aligned, bool]:
    """One name of all runs, and whether some have more points than are told."""
    buckets = [_read_buckets(tx, run_id, name, window, window.points) for run_id in run_ids]
    series = [_expand(each) for each in buckets]
    thinned = any(bucket.count > 1 for each in buckets for bucket in each)
    return (align_stretches(series, window.points // 2) if thinned else align(series)), thinned


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
    first, last = (
        _read_at(tx, run_id, name, window, step) for step in (buckets[0].first_step, buckets[-1].last_step)
    )
    return first | _expand(buckets) | last


def _read_at(tx: Transaction, run_id: str, name: str, window: Window, step: int) -> Points:
    return _expand(_read_buckets(tx, run_id, name, replace(window, first_step=step, last_step=step), 1))


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
