"""Accepting runs: how many a second, how soon each is durable, beside one synced insert a call.

`python -m benchmarks.submit [--quick] [--json FILE]`. The only slot is held, so that everything accepted stays queued.
"""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import time
from pathlib import Path

from tests.e2e.harness import SECRET, Server

from benchmarks.alone import Pace, run_alone
from benchmarks.caller import Caller
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50, p95, p99
from benchmarks.serving import ENDLESS, call, hold_slot, serving
from benchmarks.tables import Measure, Reference

CLIENTS = 16
STEADY_PER_S = 500  # of all clients together: how soon each is durable where the server is not full
_START_IN_S = 0.5  # by then all clients are connected


def measure(pace: Pace) -> list[Measure]:
    seconds = pace.choose(5, 2)
    with serving(behaviour="obedient", HEADWAY_WARM="false") as server, call(server) as caller:
        hold_slot(server, caller)
        floor_s = time_inserts(server.data_dir / "floor.db", seconds / 5)
        alone_s = submit_for(server, 1, seconds / 2)
        steady_s = submit_for(server, CLIENTS, seconds, per_s=STEADY_PER_S)
        crowd_s = submit_for(server, CLIENTS, seconds)
        kept = int(caller.ask("GET", "/jobs?limit=1").document()["total"])
    accepted = len(alone_s) + len(steady_s) + len(crowd_s)
    floor = Reference("synced SQLite insert", 1e3 * p95(floor_s))
    return [
        Measure(
            f"submits, {CLIENTS} clients",
            len(crowd_s) / seconds,
            "/s",
            1_000,
            more_is_better=True,
            against=(
                Reference("synced SQLite inserts, one thread", len(floor_s) / sum(floor_s)),
                *_others(pace, "per_s"),
            ),
        ),
        Measure(
            f"submit → durable, {CLIENTS} clients, p95",
            1e3 * p95(crowd_s),
            "ms",
            10,
            against=(floor, *_others(pace, "p95_ms")),
            note=f"p50 {1e3 * p50(crowd_s):.1f}, p99 {1e3 * p99(crowd_s):.1f}",
        ),
        Measure(
            f"submit → durable, {CLIENTS} clients, {STEADY_PER_S} a second, p95",
            1e3 * p95(steady_s),
            "ms",
            against=(floor,),
            note=f"p50 {1e3 * p50(steady_s):.1f}, {len(steady_s) / seconds:.0f}/s sent",
        ),
        Measure("submit → durable, 1 client, p95", 1e3 * p95(alone_s), "ms", against=(floor,)),
        Measure("accepted runs that are not there", accepted - (kept - 1), f"of {accepted:,}", 0),
    ]


def _others(pace: Pace, figure: str) -> tuple[Reference, ...]:
    return references("submit", figure, "mlflow", "ray", "dbos", quick=pace.quick)


def time_inserts(path: Path, seconds: float) -> list[float]:
    """Seconds of each insert with its own commit, synced to the disk: what durability costs at the least."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT)")
    found: list[float] = []
    record = ENDLESS.decode()
    end_at = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end_at:
        database.execute("INSERT INTO runs (record) VALUES (?)", (record,))
        found.append(time.perf_counter() - began)
    database.close()
    return found


def submit_for(server: Server, clients: int, seconds: float, *, per_s: float | None = None) -> list[float]:
    """Seconds of each submit that was answered in time, of so many clients, each a process of its own. They send
    `per_s` together, at times by chance; else each sends the next when it has the answer to the last."""
    begin_at = time.monotonic() + _START_IN_S
    pause_s = 0.0 if per_s is None else clients / per_s
    name = f"{clients}-{per_s or 'all'}"
    plan = [(server.port, f"{name}-{number}", begin_at, seconds, pause_s) for number in range(clients)]
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        return [each for found in pool.starmap(submit_in_turn, plan, chunksize=1) for each in found]


def submit_in_turn(port: int, name: str, begin_at: float, seconds: float, pause_s: float) -> list[float]:
    """One client: the next submit follows the answer to the last, and not before its time, by which it is counted."""
    found: list[float] = []
    chance = random.Random(name)
    due_at = begin_at
    with Caller(port, SECRET) as caller:
        time.sleep(max(begin_at - time.monotonic(), 0.0))
        while (due_at if pause_s else time.monotonic()) < begin_at + seconds:
            time.sleep(max(due_at - time.monotonic(), 0.0))
            began = due_at if pause_s else time.monotonic()
            caller.submit(ENDLESS, key=f"{name}-{len(found)}")
            found.append(time.monotonic() - began)
            due_at += chance.expovariate(1 / pause_s) if pause_s else 0.0
    return found


if __name__ == "__main__":
    run_alone(measure)
