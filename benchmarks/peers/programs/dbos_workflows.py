"""DBOS over SQLite: workflows put into a queue by 16 processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions
from measuring import Figures, crowd, memory_mb, run, start, wait_for

_DATABASE = "sqlite:///dbos.sqlite"
_QUEUE = "trainings"
_SETTLED_S = 3.0
_SERVICE = f"""
import time
from pathlib import Path
from dbos import DBOS, DBOSConfig
DBOS(config=DBOSConfig(name="bench", system_database_url="{_DATABASE}"))
DBOS.launch()
Path("ready").touch()
time.sleep(600)  # until it is killed
"""


def submit(quick: bool) -> Figures:
    """Enqueue a workflow: durable when the call returns. Nobody takes from the queue."""
    DBOS(config=DBOSConfig(name="bench", system_database_url=_DATABASE))
    DBOS.launch()
    DBOS.register_queue(_QUEUE, concurrency=0)
    DBOS.destroy()
    return crowd(_enqueue_in_turn, 2 if quick else 5)


def _enqueue_in_turn(number: int, end_at: float) -> list[float]:
    client, found = DBOSClient(system_database_url=_DATABASE), []
    options: EnqueueOptions = {"queue_name": _QUEUE, "workflow_name": "train"}
    while time.time() < end_at:
        began = time.perf_counter()
        client.enqueue(options, number)
        found.append(time.perf_counter() - began)
    return found


def cold_start(quick: bool) -> Figures:
    """Until a process with DBOS in it is launched, and its memory when idle."""
    began = time.perf_counter()
    process = start([sys.executable, "-c", _SERVICE], "service.log")
    wait_for(Path("ready").exists)
    ready_s = time.perf_counter() - began
    time.sleep(_SETTLED_S)  # memory is that of a server at rest
    return {"ready_s": ready_s, "idle_mb": memory_mb(process.pid)}


if __name__ == "__main__":
    run({"submit": submit, "cold_start": cold_start})
