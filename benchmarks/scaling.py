"""What a use case costs against how much the store holds: runs kept, runs queued, points of a series.

`python -m benchmarks.scaling [--quick | --full] [--json FILE]`. There is no server, so that nothing else is measured.
`--full` goes to a million runs and ten million points; `python -m benchmarks scaling --plot FILE` draws it.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.factories import make_run, make_spec
from tests.fakes.services import make_services

from benchmarks.alone import Pace, run_alone
from benchmarks.percentiles import p50, p95
from benchmarks.tables import Measure, Size
from headway.api.views import to_accepted
from headway.control.cancel import cancel
from headway.control.context import Context
from headway.control.query import get_view, list_views, view_queue
from headway.control.submit import Submission, submit
from headway.domain.clock import SystemClock, utc_now
from headway.domain.events import EventKind
from headway.domain.ids import new_run_id
from headway.domain.metrics import MetricPoint
from headway.domain.runs import Run
from headway.domain.states import State
from headway.ports import RunFilter, Transaction

_TIMES = 100  # of each call
_RUNS_A_COMMIT = 1_000
_POINTS_A_COMMIT = 50_000
_QUEUED = 100  # beside runs that are kept
_NAME = "train/loss"


def measure(pace: Pace) -> list[Measure]:
    most_runs = 1_000_000 if pace.full else pace.choose(100_000, 10_000)
    most_queued = pace.choose(100_000, 10_000)
    most_points = 10_000_000 if pace.full else pace.choose(1_000_000, 100_000)
    return [
        *_measure_growing("runs kept", _sizes(most_runs), _keep_runs),
        *_measure_growing("runs queued", _sizes(most_queued), _queue_runs),
        *measure_points(_sizes(most_points)),
    ]


def _sizes(most: int) -> list[int]:
    return [10**power for power in range(3, round(math.log10(most)) + 1)]


def _measure_growing(of: str, sizes: list[int], fill: Callable[[Context, int], None]) -> list[Measure]:
    """The use cases at each size of one store that grows."""
    found: list[Measure] = []
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder))
        _queue_runs(context, _QUEUED)
        kept = 0
        for size in sizes:
            fill(context, size - kept)
            kept = size
            found += _time_use_cases(context, Size(size, of))
        context.store.close()
    return found


def make_context(folder: Path) -> Context:
    """The service half over SQLite, with the machine's clock."""
    services = make_services(folder, store_url=f"sqlite:///{folder / 'headway.db'}")
    return Context(**{**vars(services.context), "clock": SystemClock()})


def _time_use_cases(context: Context, size: Size) -> list[Measure]:
    submitted: list[str] = []
    keys = count()

    def submit_one() -> None:
        request = Submission(make_spec(), "benchmark", to_accepted, f"{size.count}-{next(keys)}", "ab")
        submitted.append(submit(context, request).run_id)

    found = [
        _time("submit", submit_one, size),
        _time("status of a queued run", lambda: get_view(context, submitted[-1]), size),
        _time("first page of the list", lambda: list_views(context, RunFilter(limit=50)), size),
        _time("queue", lambda: view_queue(context), size),
    ]
    waiting = iter(submitted)
    return [*found, _time("cancel of a queued run", lambda: cancel(context, next(waiting), by="me"), size)]


def _time(what: str, call: Callable[[], Any], size: Size) -> Measure:
    """Milliseconds of a call in one thread, its median."""
    found: list[float] = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        call()
        found.append(1e3 * (time.perf_counter() - began))
    return Measure(what, p50(found), "ms", note=f"p95 {p95(found):.2f}", size=size)


def _keep_runs(context: Context, number: int) -> None:
    """Runs that are done, each with the event of its end."""
    for begin in range(0, number, _RUNS_A_COMMIT):
        context.store.write(partial(_insert_done, number=min(_RUNS_A_COMMIT, number - begin)))


def _insert_done(tx: Transaction, number: int) -> None:
    for _ in range(number):
        run = _make(state=State.DONE, finished_at=utc_now())
        tx.insert_run(run)
        tx.append_event(run.id, 1, 1, run.created_at, EventKind.RUN_ENDED, {"state": "done"})


def _queue_runs(context: Context, number: int) -> None:
    for begin in range(0, number, _RUNS_A_COMMIT):
        context.store.write(partial(_insert_queued, number=min(_RUNS_A_COMMIT, number - begin)))


def _insert_queued(tx: Transaction, number: int) -> None:
    for _ in range(number):
        run = _make()
        tx.insert_run(run)
        tx.enqueue(run)


def _make(**changes: Any) -> Run:
    now = utc_now()
    return make_run(id=new_run_id("ppo", now), created_at=now, **changes)


def measure_points(sizes: list[int]) -> list[Measure]:
    """Charts of a series that grows, and what its points cost to be added."""
    found: list[Measure] = []
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder))
        run = _make(state=State.TRAINING, attempt=1)
        context.store.write(lambda tx: tx.insert_run(run))
        kept = 0
        for number in sizes:
            elapsed_s = _append_points(context, run.id, kept, number)
            size = Size(number, "points")
            rate = (number - kept) / elapsed_s
            found.append(_time("chart in 1,000 buckets", partial(_read_chart, context, run.id), size))
            found.append(
                Measure(
                    "points added", rate, "/s", more_is_better=True, size=size, note="since the size before"
                )
            )
            kept = number
        context.store.close()
    return found


def _append_points(context: Context, run_id: str, first: int, end: int) -> float:
    """Seconds to add the points of some steps."""
    elapsed_s = 0.0
    now = utc_now()
    for begin in range(first, end, _POINTS_A_COMMIT):
        steps = range(begin, min(begin + _POINTS_A_COMMIT, end))
        points = [MetricPoint(_NAME, step, math.sin(step * 1e-4), now) for step in steps]
        began = time.perf_counter()
        context.store.write(partial(_append, run_id=run_id, points=points))
        elapsed_s += time.perf_counter() - began
    return elapsed_s


def _append(tx: Transaction, run_id: str, points: list[MetricPoint]) -> None:
    tx.append_points(run_id, 1, points)


def _read_chart(context: Context, run_id: str) -> None:
    context.store.read(lambda tx: tx.series(run_id, _NAME, max_buckets=1000))


if __name__ == "__main__":
    run_alone(measure)
