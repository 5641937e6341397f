"""From the log of an attempt into the store, and from the store into a chart.

`python -m benchmarks.ingest [--quick | --full] [--json FILE]`. The log is written by the writer that trainings use and
read by the service's own use case; there is no server, so that nothing else is measured. `--full` charts ten million
points.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from pathlib import Path

from tests.factories import make_run
from tests.fakes.services import make_services

from benchmarks.alone import Pace, run_alone
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50, p95
from benchmarks.tables import Measure, Reference
from headway.control.context import Context
from headway.control.ingest import drain
from headway.domain.clock import utc_now
from headway.domain.metrics import MetricPoint
from headway.domain.runs import Run
from headway.domain.states import State
from headway.engines.logwriter import LogWriter
from headway.ports import Store
from headway.store.opening import open_store

_NAMES = ("train/loss", "train/entropy", "rollout/reward_mean", "time/steps_per_s")
_CHUNK = 50_000
_CHARTS = 60
_BUCKETS = 1_000
_MILLION = 1_000_000


def measure(pace: Pace) -> list[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        context, run = _prepare(Path(folder))
        found = _measure_ingest(context, run, pace)
        found.append(_measure_chart(context.store, run.id, _MILLION if not pace.quick else _MILLION // 5))
        if pace.full:
            found.append(_measure_chart(context.store, run.id, 10 * _MILLION))
        context.store.close()
    return found


def _prepare(folder: Path) -> tuple[Context, Run]:
    """A service half over SQLite with one run under way."""
    services = make_services(folder)
    store = open_store(f"sqlite:///{folder / 'headway.db'}")
    services.context.store.close()
    context = _over(services.context, store)
    run = make_run(attempt=1, state=State.TRAINING, created_at=utc_now())
    store.write(lambda tx: tx.insert_run(run))
    context.run_dir(run.id).attempt(1).create()
    return context, run


def _over(context: Context, store: Store) -> Context:
    return Context(**{**vars(context), "store": store})


def _measure_ingest(context: Context, run: Run, pace: Pace) -> list[Measure]:
    rows = pace.choose(100_000, 25_000)
    path = context.run_dir(run.id).attempt(1).events
    points = rows * len(_NAMES)
    written_s = _write_log(path, rows)
    parsed_s = _time_parsing(path)
    began = time.perf_counter()
    drain(context, run)
    elapsed_s = time.perf_counter() - began
    kept = context.store.read(lambda tx: tx.count_points(run.id))
    against = (
        Reference("written to the log", points / written_s),
        Reference("JSON parsed, nothing kept", points / parsed_s),
        *references("points", "per_s", "trackio", "tensorboard", "mlflow", quick=pace.quick),
    )
    rate = Measure(
        "points read into SQLite", points / elapsed_s, "/s", 100_000, more_is_better=True, against=against
    )
    return [rate, Measure("points that are not in the store", points - kept, f"of {points:,}", 0)]


def _write_log(path: Path, rows: int) -> float:
    """Seconds to hand over and write so many rows of metrics."""
    began = time.perf_counter()
    log = LogWriter(path)
    for step in range(rows):
        log.add_metrics(step, {name: math.sin(step * 0.001) for name in _NAMES})
    log.close()
    return time.perf_counter() - began


def _time_parsing(path: Path) -> float:
    began = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
    return time.perf_counter() - began


def _measure_chart(store: Store, run_id: str, points: int) -> Measure:
    """Charts of the whole series and of stretches of it, each of a thousand buckets."""
    name = f"series/{points}"
    written_s = append_series(store, run_id, name, points)
    chosen = random.Random(1)
    found: list[float] = []
    for number in range(_CHARTS):
        first, last = sorted(chosen.sample(range(points), 2)) if number % 2 else (0, points)
        began = time.perf_counter()
        _read_chart(store, run_id, name, first, last)
        found.append(1e3 * (time.perf_counter() - began))
    note = f"p50 {p50(found):.1f}; indexed at {points / written_s:,.0f}/s"
    quick = points < _MILLION  # peers then chart as few
    against = references("chart", "p50_ms", "trackio", "mlflow", quick=quick) if points <= _MILLION else ()
    return Measure(f"chart of {points:,} points, p95", p95(found), "ms", 100, against=against, note=note)


def append_series(store: Store, run_id: str, name: str, points: int) -> float:
    began = time.perf_counter()
    now = utc_now()
    for begin in range(0, points, _CHUNK):
        steps = range(begin, min(begin + _CHUNK, points))
        chunk = [MetricPoint(name, step, math.sin(step * 1e-4), now) for step in steps]
        _append(store, run_id, chunk)
    return time.perf_counter() - began


def _append(store: Store, run_id: str, chunk: list[MetricPoint]) -> None:
    store.write(lambda tx: tx.append_points(run_id, 1, chunk))


def _read_chart(store: Store, run_id: str, name: str, first: int, last: int) -> None:
    store.read(lambda tx: tx.series(run_id, name, first_step=first, last_step=last, max_buckets=_BUCKETS))


if __name__ == "__main__":
    run_alone(measure)
