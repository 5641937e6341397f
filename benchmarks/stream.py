"""The socket of a run: from a line in its files to those who watch, for one watcher, fifty and two hundred.

`python -m benchmarks.stream [--quick] [--json FILE]`. The benchmark writes the files of an attempt itself. Watchers are
connections of one process of their own, as browsers that have signed in; it counts and times what comes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.harness import Server

from benchmarks import alone
from benchmarks.alone import run_alone
from benchmarks.attempt_writer import AttemptWriter, Pace
from benchmarks.percentiles import p50, p95
from benchmarks.serving import call, hold_slot, serving, sign_in
from benchmarks.stream_watchers import Watched, watch_all
from benchmarks.tables import Measure
from headway.control.sessions import COOKIE

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What a training says, and who listens."""

    watchers: int
    pace: Pace
    seconds: float


@dataclass(frozen=True)
class Found:
    watched: Watched
    rows: int
    core_fraction: float  # of the server, over the time of the load
    idle_core_fraction: float  # the same load with nobody watching
    memory_mb: float  # what the server grew by
    steady_mb: float  # of this, in the second half of the load

    @property
    def share_percent(self) -> float:
        """Of a core, beyond the same load unwatched."""
        return 100.0 * (self.core_fraction - self.idle_core_fraction)


def measure(pace: alone.Pace) -> list[Measure]:
    seconds = pace.choose(20, 4)
    latency = run(Load(1, Pace(2.0, 0.0), pace.choose(40, 8)))
    fifty = run(Load(50, Pace(20.0, 100.0), seconds))
    many = run(Load(200, Pace(50.0, 0.0), seconds))
    return [
        _latency("row written → watcher, p95", latency, 100),
        _latency("the same, 50 watchers, 20 rows and 100 lines a second", fifty),
        _latency("the same, 200 watchers, 50 rows a second", many),
        Measure("messages that did not come, of 200 watchers", _missing(many), f"of {200 * many.rows}", 0),
        Measure("share of a core for 200 watchers", many.share_percent, "%"),
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
        writer = AttemptWriter(attempt)
        idle = _spend(server, writer, load, seconds=max(load.seconds / 4, 2.0))
        rows_before, before_mb = writer.rows, _memory_mb(server)
        with _watching(server, run_id, load.watchers) as watching:
            first = _spend(server, writer, load, seconds=load.seconds / 2)
            half_mb = _memory_mb(server)
            second = _spend(server, writer, load, seconds=load.seconds / 2)
            end_mb = _memory_mb(server)
            writer.say_last()
            watched = watching()
    return Found(
        watched,
        writer.rows - rows_before,
        (first + second) / 2,
        idle,
        end_mb - before_mb,
        end_mb - half_mb,
    )


def _spend(server: Server, writer: AttemptWriter, load: Load, *, seconds: float) -> float:
    """The share of a core that the server used while the load lasted."""
    before, begun = _cpu_s(server), time.monotonic()
    writer.write(load.pace, seconds)
    return (_cpu_s(server) - before) / (time.monotonic() - begun)


@contextmanager
def _watching(server: Server, run_id: str, count: int) -> Iterator[Any]:
    """Watchers in a process of their own; the value gives what they got, once they have it all."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    address = f"ws://127.0.0.1:{server.port}/runs/{run_id}/stream"
    process = spawn.Process(
        target=watch_all,
        args=(theirs, address, {"cookie": f"{COOKIE}={sign_in(server)}"}, count),
        daemon=True,
    )
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
