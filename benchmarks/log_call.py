"""What a report costs the training loop that makes it, and what all reports cost a real training.

`python -m benchmarks.log_call [--quick] [--json FILE]`. Calls follow each other without a pause, which is the worst
case: the thread that writes competes for the same interpreter all the while.
"""

from __future__ import annotations

import gc
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.alone import Pace, run_alone
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50, p99
from benchmarks.reporting_share import measure_share
from benchmarks.tables import Measure, Reference
from headway.engines.logwriter import LogWriter
from headway.engines.reporter import FileReporter
from headway.wire.lines import LineKind, read_lines
from headway.wire.rundir import RunDir

_FLUSH_S = 0.05
VALUES = {"train/loss": 0.25, "train/entropy": 1.05, "rollout/reward_mean": 0.0125}
Call = Callable[[int], None]


def measure(pace: Pace) -> list[Measure]:
    calls = pace.choose(200_000, 50_000)
    with tempfile.TemporaryDirectory() as folder:
        floor = time_floor(Path(folder) / "floor.jsonl", calls)
        ours, lost = time_reporter(RunDir(Path(folder)), calls)
    floor_p50, floor_p99 = (Reference("append + writing thread", 1e-3 * of(floor)) for of in (p50, p99))
    metrics = ours["metrics"]
    found = [
        Measure(
            "metrics(), p50", 1e-3 * p50(metrics), "µs", 5, against=(floor_p50, *_others(pace, "p50_us"))
        ),
        Measure(
            "metrics(), p99", 1e-3 * p99(metrics), "µs", 50, against=(floor_p99, *_others(pace, "p99_us"))
        ),
        Measure("metric rows that are not in the log", lost, f"of {calls:,}", 0),
    ]
    for name in ("advance", "check"):
        note = f"p99 {1e-3 * p99(ours[name]):.2g}"
        found.append(Measure(f"{name}(), p50", 1e-3 * p50(ours[name]), "µs", 5, note=note))
    share = measure_share(pace.choose(6, 2))
    return [*found, Measure("training slowed by reporting", 100 * share, "%", 0.5)]


def _others(pace: Pace, figure: str) -> tuple[Reference, ...]:
    """MLflow's call is the asynchronous one."""
    return references("log_call", figure, "tensorboard", "trackio", "mlflow", quick=pace.quick)


def time_reporter(run: RunDir, calls: int) -> tuple[dict[str, list[int]], int]:
    """(nanoseconds of each call, by method; rows of metrics that did not reach the log)."""
    attempt = run.attempt(1)
    attempt.create()
    log = LogWriter(attempt.events)
    reporter = FileReporter(run, log)
    found = {
        "metrics": time_calls(lambda step: reporter.metrics(step, VALUES), calls),
        "advance": time_calls(lambda step: reporter.advance(step / calls, text="epoch", step=step), calls),
        "check": time_calls(lambda _: reporter.check(), calls),
    }
    log.close()
    lines = read_lines(attempt.events.read_bytes()).lines
    rows = sum(len(line.data["rows"]) for line in lines if line.kind is LineKind.METRICS)
    return found, calls - rows


def time_floor(path: Path, calls: int) -> list[int]:
    """The same rows appended to a list that a thread writes as lines: the mechanism without promises."""
    waiting: list[tuple[int, dict[str, float]]] = []
    closing = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not closing.wait(_FLUSH_S) or waiting:
                rows = waiting[:]
                del waiting[: len(rows)]
                file.write(b"".join(json.dumps(row).encode() + b"\n" for row in rows))

    writer = threading.Thread(target=write)
    writer.start()
    found = time_calls(lambda step: waiting.append((step, dict(VALUES))), calls)
    closing.set()
    writer.join()
    return found


def time_calls(call: Call, calls: int) -> list[int]:
    """Nanoseconds of each call, the clock's own reading included."""
    clock = time.perf_counter_ns
    found = [0] * calls
    gc.collect()
    for step in range(calls):
        began = clock()
        call(step)
        found[step] = clock() - began
    return found


if __name__ == "__main__":
    run_alone(measure)
