"""The socket of a run: from a line in its files to those who watch, for one watcher, fifty and two hundred.

`python -m benchmarks.stream [--quick] [--json FILE]`. The benchmark writes the files of an attempt itself. Watchers are
connections of one process of their own, which counts and times what comes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.harness import SECRET, Server

from benchmarks.alone import Pace, run_alone
from benchmarks.percentiles import p50, p95
from benchmarks.serving import call, hold_slot, serving
from benchmarks.stream_watchers import Watched, watch_all
from benchmarks.tables import Measure
from headway.domain.clock import format_utc, utc_now
from headway.domain.json import Json
from headway.wire.lines import LineKind, encode_line
from headway.wire.rundir import AttemptDir

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What a training says, and who listens."""

    watchers: int
    rows_per_s: float
    lines_per_s: float
    seconds: float


@dataclass(frozen=True)
class Found:
    watched: Watched
    rows: int
    lines: int
    core_fraction: float  # of the server, over the time of the load
    idle_core_fraction: float  # the same load with nobody watching
    memory_mb: float  # what the server grew by
    steady_mb: float  # of this, in the second half of the load


def measure(pace: Pace) -> list[Measure]:
    seconds = pace.choose(20, 4)
    latency = run(Load(1, 2.0, 0.0, pace.choose(40, 8)))
    fifty = run(Load(50, 20.0, 100.0, seconds))
    many = run(Load(200, 50.0, 0.0, seconds))
    share = 100.0 * (fifty.core_fraction - fifty.idle_core_fraction)
    return [
        _latency("row written → watcher, p95", latency, 100),
        _latency("the same, 50 watchers, 20 rows and 100 lines a second", fifty),
        Measure("share of a core for 50 watchers", share, "%", 10, note="beyond the same load unwatched"),
        Measure("memory a watcher, of 50", fifty.memory_mb / 50, "MB", 0.2),
        _latency("the same, 200 watchers, 50 rows a second", many),
        Measure("messages that did not come, of 200 watchers", _missing(many), f"of {200 * many.rows}", 0),
        Measure(
            "share of a core for 200 watchers", 100.0 * (many.core_fraction - many.idle_core_fraction), "%"
        ),
        Measure("memory that 200 watchers still added in the second half", many.steady_mb, "MB", 2),
    ]


def _latency(what: str, found: Found, goal: float | None = None) -> Measure:
    delays = found.watched.delays_ms
    return Measure(what, p95(delays), "ms", goal, note=f"p50 {p50(delays):.0f}; of {len(delays)}")


def _missing(found: Found) -> int:
    return sum(found.rows - count for count in found.watched.rows)


def run(load: Load) -> Found:
    """A load on a server of its own, first unwatched, then watched."""
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        attempt = server.run_dir(hold_slot(server, caller)).attempt(1)
        run_id = attempt.path.parents[1].name
        writer = _Writer(attempt)
        idle = _spend(server, writer, load, seconds=max(load.seconds / 4, 2.0))
        writer.rows_before = writer.rows
        before_mb = _memory_mb(server)
        with _watching(server, run_id, load.watchers) as watching:
            first = _spend(server, writer, load, seconds=load.seconds / 2)
            half_mb = _memory_mb(server)
            second = _spend(server, writer, load, seconds=load.seconds / 2)
            end_mb = _memory_mb(server)
            writer.say_last()
            watched = watching()
    return Found(
        watched,
        writer.rows - writer.rows_before,
        writer.lines,
        (first + second) / 2,
        idle,
        end_mb - before_mb,
        end_mb - half_mb,
    )


class _Writer:
    """Writes as a training does, at an even pace."""

    def __init__(self, attempt: AttemptDir) -> None:
        self._log = attempt.events.open("ab", buffering=0)
        self._console = attempt.console.open("ab", buffering=0)
        self.rows = self.rows_before = self.lines = 0
        self._random = random.Random(1)

    def write(self, load: Load, seconds: float) -> None:
        begun = time.monotonic()
        rows = lines = 0
        while (elapsed := time.monotonic() - begun) < seconds:
            for _ in range(int(elapsed * load.rows_per_s) - rows):
                self.say_row()
                rows += 1
            for _ in range(int(elapsed * load.lines_per_s) - lines):
                self.lines += 1
                self._console.write(f"epoch 1 step {self.lines}: loss 0.123456, val_loss 0.234567\n".encode())
                lines += 1
            time.sleep(self._random.uniform(0.002, 0.012))

    def say_row(self) -> None:
        self.rows += 1
        values = {"train/loss": 0.1, "train/learning_rate": 2e-4, "system/memory_mb": 512.0}
        row: list[Json] = [self.rows, {**values, "time/written": time.time()}]
        line = encode_line(self.rows, format_utc(utc_now()), LineKind.METRICS, {"rows": [row]})
        self._log.write(line)

    def say_last(self) -> None:
        """A note by which watchers know that all has come."""
        data = {"level": "info", "text": "the last"}
        self._log.write(encode_line(self.rows + 1, format_utc(utc_now()), LineKind.NOTE, data))


def _spend(server: Server, writer: _Writer, load: Load, *, seconds: float) -> float:
    """The share of a core that the server used while the load lasted."""
    before, begun = _cpu_s(server), time.monotonic()
    writer.write(load, seconds)
    return (_cpu_s(server) - before) / (time.monotonic() - begun)


@contextmanager
def _watching(server: Server, run_id: str, count: int) -> Iterator[Any]:
    """Watchers in a process of their own; the value gives what they got, once they have it all."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    address = f"ws://127.0.0.1:{server.port}/runs/{run_id}/stream"
    process = spawn.Process(target=watch_all, args=(theirs, address, SECRET, count), daemon=True)
    process.start()
    assert ours.recv() == "ready"
    try:
        yield lambda: Watched(*json.loads(ours.recv()))
    finally:
        process.join(10)
        process.kill()


def _cpu_s(server: Server) -> float:
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def _memory_mb(server: Server) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    run_alone(measure)
