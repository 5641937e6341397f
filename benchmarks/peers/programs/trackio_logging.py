"""Trackio, logging to its local SQLite files, and its dashboard's server."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

import trackio
from measuring import (
    Figures,
    free_port,
    is_listening,
    memory_mb,
    percentile,
    run,
    start,
    time_calls,
    wait_for,
)
from trackio.sqlite_storage import SQLiteStorage

_PROJECT = "bench"
_SETTLED_S = 3.0
_VALUES = {"train/loss": 0.25, "train/entropy": 1.05, "rollout/reward_mean": 0.0125}


def log_call(quick: bool) -> Figures:
    """`trackio.log` of three values."""
    trackio.init(project=_PROJECT, embed=False)
    found = time_calls(lambda step: trackio.log(_VALUES, step=step), 5_000 if quick else 20_000)
    trackio.finish()
    return found


def points(quick: bool) -> Figures:
    """Points a second until all of them can be read."""
    rows = 5_000 if quick else 20_000
    began = time.perf_counter()
    trackio.init(project=_PROJECT, name="points", embed=False)
    for step in range(rows):
        trackio.log(_VALUES, step=step)
    trackio.finish()
    kept = len(SQLiteStorage.get_logs(_PROJECT, "points"))
    if kept != rows:
        raise RuntimeError(f"{kept} of {rows} rows can be read")
    return {"per_s": rows * len(_VALUES) / (time.perf_counter() - began)}


def chart(quick: bool) -> Figures:
    """The logs of a run of a million points (200,000 when quick), read as its dashboard reads them."""
    count = 200_000 if quick else 1_000_000
    trackio.init(project=_PROJECT, name="chart", embed=False)
    trackio.log({"loss": 0.5}, step=0)
    trackio.finish()
    _multiply(SQLiteStorage.get_project_db_path(_PROJECT), count)
    spans = []
    for _ in range(3):
        began = time.perf_counter()
        if not SQLiteStorage.get_logs(_PROJECT, "chart", max_points=1500):
            raise RuntimeError("nothing can be read")
        spans.append(time.perf_counter() - began)
    return {"p50_ms": 1e3 * percentile(spans, 0.50), "points": count}


def _multiply(path: Path, count: int) -> None:
    """Repeat the one row that was logged with other steps: through the API it would take minutes."""
    database = sqlite3.connect(path)
    columns = [
        row[1] for row in database.execute("PRAGMA table_info(metrics)") if row[1] not in {"id", "log_id"}
    ]
    kept = [name for name in columns if name != "step"]
    row = database.execute(f"SELECT {', '.join(kept)} FROM metrics LIMIT 1").fetchone()
    marks = ", ".join("?" for _ in range(len(kept) + 1))
    with database:
        database.executemany(
            f"INSERT INTO metrics ({', '.join(kept)}, step) VALUES ({marks})",
            ((*row, step) for step in range(1, count)),
        )
    database.close()


def cold_start(quick: bool) -> Figures:
    """Until the dashboard's server listens, and its memory when idle."""
    port = free_port()
    code = f"import trackio; trackio.show(open_browser=False, block_thread=True, server_port={port})"
    trackio.init(project=_PROJECT, embed=False)
    trackio.log({"loss": 0.5}, step=0)
    trackio.finish()
    began = time.perf_counter()
    process = start([sys.executable, "-c", code], "server.log")
    wait_for(lambda: is_listening(port))
    ready_s = time.perf_counter() - began
    time.sleep(_SETTLED_S)  # memory is that of a server at rest
    return {"ready_s": ready_s, "idle_mb": memory_mb(process.pid)}


if __name__ == "__main__":
    run({"log_call": log_call, "points": points, "chart": chart, "cold_start": cold_start})
