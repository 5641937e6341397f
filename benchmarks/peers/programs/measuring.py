"""What the programs of the peers share. Standard library only: each runs in an environment of its own."""

from __future__ import annotations

import json
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Figures = dict[str, float]
CLIENTS = 16


def run(topics: dict[str, Callable[[bool], Figures]]) -> None:
    """Measure the topic that the command line names; the figures are the last line that is printed."""
    figures = topics[sys.argv[1]]("--quick" in sys.argv)
    print(json.dumps(figures), flush=True)


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(-int(-share * len(values) // 1) - 1, 0)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(probe: Callable[[], bool], within_s: float = 120.0, every_s: float = 0.02) -> float:
    """Seconds until `probe` is true. TimeoutError."""
    began = time.perf_counter()
    while time.perf_counter() - began < within_s:
        if probe():
            return time.perf_counter() - began
        time.sleep(every_s)  # looks as often as the measurement is exact
    raise TimeoutError(f"not within {within_s:g} s")


def is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


def time_calls(call: Callable[[int], object], count: int) -> Figures:
    """p50 and p99 of single calls, in microseconds."""
    found = []
    for number in range(count):
        began = time.perf_counter_ns()
        call(number)
        found.append((time.perf_counter_ns() - began) / 1e3)
    return {"p50_us": percentile(found, 0.50), "p99_us": percentile(found, 0.99)}


def crowd(client: Callable[[int, float], list[float]], seconds: float, clients: int = CLIENTS) -> Figures:
    """`client(number, end_at)` in so many processes; its durations (s) as a rate and percentiles (ms)."""
    end_at = time.time() + 1.0 + seconds  # a second to start
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        found = pool.starmap(client, [(number, end_at) for number in range(clients)], chunksize=1)
    spans = [each for part in found for each in part]
    return {
        "per_s": len(spans) / seconds,
        "p50_ms": 1e3 * percentile(spans, 0.50),
        "p95_ms": 1e3 * percentile(spans, 0.95),
        "p99_ms": 1e3 * percentile(spans, 0.99),
    }


def memory_mb(root: int) -> float:
    """Proportional set size of a process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, parent = int(stat.parent.name), int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(pid)
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1e3


def start(command: list[str], log: str) -> subprocess.Popen[bytes]:
    """A background program whose output goes to a file of the current folder."""
    with Path(log).open("wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
