"""What each run under way costs: memory of the server and of a supervisor, a core's time, and the delay of events.

`python -m benchmarks.active_runs [--quick | --full] [--json FILE]`. Attempts are programs that obey and do nothing,
so that what is measured is the service's own. `--full` has a hundred at once.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.e2e.harness import Server

from benchmarks.alone import Pace, run_alone
from benchmarks.caller import Caller
from benchmarks.events_latency import follow
from benchmarks.percentiles import p50, p95
from benchmarks.serving import ENDLESS, call, serving, wait_until
from benchmarks.tables import Measure, Size
from headway.supervisor.processes import memory_of

_OF = "active runs"
_WATCHED_S = 3.0


def measure(pace: Pace) -> list[Measure]:
    numbers = [0, 1, 10, 100] if pace.full else [0, 1, 10]
    return [each for number in numbers for each in _measure_with(number, pace.choose(40, 8))]


def _measure_with(number: int, notes: int) -> list[Measure]:
    size = Size(number, _OF)
    slots = str(max(number, 1))
    with serving(behaviour="obedient", HEADWAY_WARM="false", HEADWAY_CPU_SLOTS=slots) as server:
        with call(server) as caller:
            job_ids = [_begin(server, caller) for _ in range(number)]
        found = [
            Measure("memory of the server", memory_of([server.pid]) / 1e6, "MB", size=size),
            Measure(
                "server's share of a core while nothing is said", 100 * _busy(server.pid), "%", size=size
            ),
        ]
        return found + (_measure_followed(server, job_ids, size, notes) if job_ids else [])


def _measure_followed(server: Server, job_ids: list[str], size: Size, notes: int) -> list[Measure]:
    supervisors = [int(server.supervisor_record(job_id)["pid"]) for job_id in job_ids]
    written, received = follow(server, job_ids[-1], notes)
    delays = [1e3 * (received[text] - written[text]) for text in written if text in received]
    return [
        Measure("memory of a supervisor", memory_of(supervisors) / len(supervisors) / 1e6, "MB", size=size),
        Measure(
            "event written → client, p95", p95(delays), "ms", 100, note=f"p50 {p50(delays):.0f}", size=size
        ),
        Measure("events that did not come", notes - len(delays), f"of {notes}", 0, size=size),
    ]


def _begin(server: Server, caller: Caller) -> str:
    """Start an attempt and wait until it is under way; its id."""
    job_id = caller.submit(ENDLESS)
    attempt = server.run_dir(job_id).attempt(1)
    wait_until((attempt.path / "pids").exists, what="the attempt is under way")
    return job_id


def _busy(pid: int) -> float:
    """The share of one core that a process uses."""
    before = _cpu_s(pid)
    time.sleep(_WATCHED_S)  # the stretch that is measured
    return (_cpu_s(pid) - before) / _WATCHED_S


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    run_alone(measure)
