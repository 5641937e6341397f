"""MLflow's tracking server over SQLite, through its REST API and its client."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import mlflow
from measuring import (
    Figures,
    crowd,
    free_port,
    is_listening,
    memory_mb,
    percentile,
    run,
    start,
    time_calls,
    wait_for,
)
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

_SETTLED_S = 3.0
_PORT = free_port()
_URI = f"http://127.0.0.1:{_PORT}"


def serve() -> tuple[subprocess.Popen[bytes], float]:
    """The server, and the seconds until it answered."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///mlflow.db"]
    began = time.perf_counter()
    process = start([*command, "--host", "127.0.0.1", "--port", str(_PORT)], "server.log")
    wait_for(lambda: is_listening(_PORT) and ask(connect(), "GET", "/health", None) == b"OK")
    return process, time.perf_counter() - began


def connect() -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", _PORT, timeout=60)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any) -> bytes:
    content = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, content, {"Content-Type": "application/json"})
        return connection.getresponse().read()
    except OSError:
        return b""


def submit(quick: bool) -> Figures:
    """`runs/create`, 16 client processes."""
    serve()
    return crowd(_create_in_turn, 2 if quick else 5)


def _create_in_turn(number: int, end_at: float) -> list[float]:
    connection = connect()
    found: list[float] = []
    while time.time() < end_at:
        began = time.perf_counter()
        body = {
            "experiment_id": "0",
            "start_time": int(time.time() * 1e3),
            "run_name": f"{number}-{len(found)}",
        }
        if b'"run_id"' not in ask(connection, "POST", "/api/2.0/mlflow/runs/create", body):
            raise RuntimeError("a run was not created")
        found.append(time.perf_counter() - began)
    return found


def log_call(quick: bool) -> Figures:
    """`log_metric`, synchronous and asynchronous, from a training process."""
    serve()
    mlflow.set_tracking_uri(_URI)
    with mlflow.start_run():
        waiting = time_calls(
            lambda step: mlflow.log_metric("train/loss", 0.25, step=step), 60 if quick else 200
        )
        behind = time_calls(
            lambda step: mlflow.log_metric("train/async", 0.25, step=step, synchronous=False),
            500 if quick else 2000,
        )
    return {"p50_us": behind["p50_us"], "p99_us": behind["p99_us"], "sync_p50_us": waiting["p50_us"]}


def points(quick: bool) -> Figures:
    """Points a second in batches of 1,000, until they can be read."""
    serve()
    client = MlflowClient(_URI)
    run_id = client.create_run("0").info.run_id
    batches = 4 if quick else 12
    began = time.perf_counter()
    for batch in range(batches):
        now = int(time.time() * 1e3)
        client.log_batch(run_id, [Metric("loss", 0.5, now, batch * 1000 + step) for step in range(1000)])
    if len(client.get_metric_history(run_id, "loss")) != batches * 1000:
        raise RuntimeError("points are missing")
    return {"per_s": batches * 1000 / (time.perf_counter() - began)}


def chart(quick: bool) -> Figures:
    """The whole history of a series of a million points (200,000 when quick), as its charts ask for it."""
    serve()
    client = MlflowClient(_URI)
    run_id = client.create_run("0").info.run_id
    count = 200_000 if quick else 1_000_000
    rows = ((("loss", 0.5, 1_700_000_000_000 + step, run_id, step, False)) for step in range(count))
    _fill(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    path = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=loss&max_results=2500"
    connection = connect()
    spans = _time(lambda: b'"metrics"' in ask(connection, "GET", path, None), 3)
    return {"p50_ms": 1e3 * percentile(spans, 0.50), "points": count}


def list_runs(quick: bool) -> Figures:
    """A page of 100 of 20,000 runs (5,000 when quick): the newest, and sorted by a metric."""
    serve()
    ask(connect(), "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1})
    count = 5_000 if quick else 20_000
    ids = [uuid.uuid4().hex for _ in range(count)]
    _fill(
        "INSERT INTO runs (run_uuid, name, source_type, status, start_time, lifecycle_stage, artifact_uri,"
        " experiment_id, user_id) VALUES (?, ?, 'UNKNOWN', 'FINISHED', ?, 'active', '', 0, 'bench')",
        ((run_id, run_id, 1_700_000_000_000 + number) for number, run_id in enumerate(ids)),
    )
    _fill(
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('loss', ?, 1, 1, 0, ?)",
        ((number % 997 / 997, run_id) for number, run_id in enumerate(ids)),
    )
    newest = {"experiment_ids": ["0"], "max_results": 100}
    connection = connect()

    def page(body: dict[str, Any]) -> list[float]:
        return _time(lambda: b'"run_id"' in ask(connection, "POST", "/api/2.0/mlflow/runs/search", body), 5)

    by_metric = {**newest, "order_by": ["metrics.loss ASC"]}
    return {"p95_ms": 1e3 * max(page(newest)), "by_metric_p95_ms": 1e3 * max(page(by_metric)), "runs": count}


def cold_start(quick: bool) -> Figures:
    """Until it answers, and its memory when idle."""
    process, ready_s = serve()
    time.sleep(_SETTLED_S)  # memory is that of a server at rest
    return {"ready_s": ready_s, "idle_mb": memory_mb(process.pid)}


def _fill(statement: str, rows: Any) -> None:
    """Straight into the database: through the API it would take minutes, and reading is what is measured."""
    database = sqlite3.connect("mlflow.db", timeout=60)
    with database:
        database.executemany(statement, rows)
    database.close()


def _time(call: Callable[[], bool], count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        if not call():
            raise RuntimeError("not the answer that was asked for")
        found.append(time.perf_counter() - began)
    return found


if __name__ == "__main__":
    run(
        {
            "submit": submit,
            "log_call": log_call,
            "points": points,
            "chart": chart,
            "list_runs": list_runs,
            "cold_start": cold_start,
        }
    )
