"""What every store promises of series: no point lost, extremes kept, attempts joined."""

from __future__ import annotations

import random

import pytest

from headway.domain.metrics import MetricPoint
from headway.domain.runs import Run
from headway.ports import Store
from tests.factories import make_run, moment, run_id


def _insert(store: Store, *runs: Run) -> None:
    store.write(lambda tx: [tx.insert_run(run) for run in runs])


def _points(name: str, steps: range, values: list[float]) -> list[MetricPoint]:
    return [MetricPoint(name, step, value, moment(0)) for step, value in zip(steps, values, strict=True)]


def test_few_points_come_back_one_by_one(store: Store) -> None:
    _insert(store, make_run(1))
    store.write(lambda tx: tx.append_points(run_id(1), 1, _points("b/y", range(3), [1.0, -2.0, 3.0])))
    store.write(lambda tx: tx.append_points(run_id(1), 1, _points("a/x", range(1), [0.5])))

    buckets = store.read(lambda tx: tx.series(run_id(1), "b/y"))

    assert [(b.first_step, b.min_value, b.count) for b in buckets] == [(0, 1.0, 1), (1, -2.0, 1), (2, 3.0, 1)]
    assert store.read(lambda tx: tx.series_names(run_id(1))) == ["a/x", "b/y"]
    assert store.read(lambda tx: tx.count_points(run_id(1))) == 4
    assert store.read(lambda tx: tx.series(run_id(1), "no/such")) == []


@pytest.mark.parametrize("window", [(None, None), (1_234, 17_321), (0, 0), (19_999, None), (5_000, 5_040)])
@pytest.mark.parametrize("max_buckets", [10, 100, 1000])
def test_a_chart_keeps_extremes_and_counts_every_point_of_its_window(
    store: Store, window: tuple[int | None, int | None], max_buckets: int
) -> None:
    _insert(store, make_run(1))
    draw = random.Random(5)
    values = [draw.gauss(0, 1) for _ in range(20_000)]
    at = 0
    while at < len(values):  # in pieces of every size, as a log is read
        size = draw.choice([1, 3, 16, 64, 65, 1000])
        chunk = values[at : at + size]
        points = _points("a/x", range(at, at + len(chunk)), chunk)
        store.write(lambda tx, p=points: tx.append_points(run_id(1), 1, p))  # type: ignore[misc]
        at += size
    first, last = window
    inside = values[first or 0 : None if last is None else last + 1]

    buckets = store.read(
        lambda tx: tx.series(run_id(1), "a/x", first_step=first, last_step=last, max_buckets=max_buckets)
    )

    assert len(buckets) <= max_buckets
    assert sum(bucket.count for bucket in buckets) == len(inside)
    assert min(bucket.min_value for bucket in buckets) == min(inside)
    assert max(bucket.max_value for bucket in buckets) == max(inside)
    assert all(values[bucket.max_step] == bucket.max_value for bucket in buckets)
    steps = [step for bucket in buckets for step in (bucket.first_step, bucket.last_step)]
    assert steps == sorted(steps)
    if len(inside) >= 10 * max_buckets:
        assert len(buckets) >= max_buckets // 2


def test_a_resumed_attempt_replaces_what_the_earlier_one_said_from_there_on(store: Store) -> None:
    _insert(store, make_run(1))
    store.write(lambda tx: tx.append_points(run_id(1), 1, _points("a/x", range(100), [1.0] * 100)))
    store.write(lambda tx: tx.append_points(run_id(1), 2, _points("a/x", range(60, 120), [2.0] * 60)))

    joined = store.read(lambda tx: tx.series(run_id(1), "a/x"))
    earlier = store.read(lambda tx: tx.series(run_id(1), "a/x", attempt=1))

    assert [bucket.min_value for bucket in joined] == [1.0] * 60 + [2.0] * 60
    assert [bucket.first_step for bucket in joined] == list(range(120))
    assert len(earlier) == 100


def test_series_that_are_removed_are_gone_with_their_bytes_and_those_of_others_stay(store: Store) -> None:
    _insert(store, make_run(1))
    _insert(store, make_run(2))
    for number in (1, 2):
        points = _points("a/x", range(100), [0.5] * 100)
        store.write(lambda tx, n=number, p=points: tx.append_points(run_id(n), 1, p))  # type: ignore[misc]
    size = store.read(lambda tx: tx.measure_series(run_id(1)))

    store.write(lambda tx: [tx.remove_series(run_id(1)) for _ in range(2)])

    assert size == 100 * 16 + 6 * 48  # points, and above them entries of sixteen
    assert store.read(lambda tx: (tx.measure_series(run_id(1)), tx.count_points(run_id(1)))) == (0, 0)
    assert store.read(lambda tx: tx.series_names(run_id(1))) == []
    assert store.read(lambda tx: tx.count_points(run_id(2))) == 100
