"""From a submit to the first training step: warm, plain, and beside the bare mechanisms.

`python -m benchmarks.first_step [--quick] [--json FILE]`. The times are those that the training writes into its log.
The first step is the first of the environments; the first update is the first rollout that was learnt from.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import Server

from benchmarks.alone import Pace, run_alone
from benchmarks.caller import Caller
from benchmarks.peers.figures import references
from benchmarks.percentiles import p50, p95
from benchmarks.serving import ENDLESS, call, serving, wait_for_state, wait_until, wait_until_warm
from benchmarks.tables import Measure, Reference
from headway.domain.clock import parse_utc
from headway.wire.lines import Line, LineKind, read_lines
from headway.wire.rundir import AttemptDir

_FLOOR = [sys.executable, "-m", "benchmarks.fork_floor"]


@dataclass(frozen=True)
class Start:
    """Seconds from the submit to what the log tells."""

    training_s: float
    step_s: float
    update_s: float


def measure(pace: Pace) -> list[Measure]:
    forks_s, plain_floor_s = measure_floors(pace.choose(10, 4))
    warm = list(starts(pace.choose(10, 4), warm=True))
    plain = list(starts(pace.choose(3, 1), warm=False))
    fork = Reference("bare fork with torch warm, one update", p50(forks_s))
    process = Reference("bare new process, import, one update", plain_floor_s)
    ray = references("first_step", "p50_s", "ray", quick=pace.quick)
    return [
        _measure("submit → first training step, warm", [each.step_s for each in warm], 0.3, (fork, *ray)),
        _measure(
            "submit → first update of the weights, warm", [each.update_s for each in warm], None, (fork,)
        ),
        _measure("submit → first training step, plain", [each.step_s for each in plain], None, (process,)),
    ]


def _measure(what: str, values: list[float], goal: float | None, against: tuple[Reference, ...]) -> Measure:
    note = f"p95 {p95(values):.2f}, of {len(values)}"
    return Measure(f"{what}, p50", p50(values), "s", goal, against=against, note=note)


def measure_floors(count: int) -> tuple[list[float], float]:
    """(seconds from a fork to a first update, of each of many; the same for one new process)."""
    found = subprocess.run([*_FLOOR, str(count)], check=True, capture_output=True, text=True)
    forks_s, process_s = json.loads(found.stdout)
    return list(forks_s), float(process_s)


def starts(count: int, *, warm: bool) -> Iterator[Start]:
    """Start trainings one after the other; each is cancelled once it has learnt."""
    with serving(HEADWAY_WARM=str(warm).lower()) as server, call(server) as caller:
        if warm:
            wait_until_warm(server)
        for _ in range(count):
            yield start_once(server, caller, warm=warm)


def start_once(server: Server, caller: Caller, *, warm: bool) -> Start:
    """Start a training. Raises RuntimeError when it was not started in the way that is measured."""
    submitted_at = time.time()
    job_id = caller.submit(ENDLESS)
    attempt = server.run_dir(job_id).attempt(1)
    start = wait_until(lambda: _find_start(attempt, submitted_at), every_s=0.02, what="the training learns")
    if _was_forked(attempt) != warm:
        raise RuntimeError(f"{job_id} was {'not ' if warm else ''}started by the fork server")
    caller.ask("DELETE", f"/jobs/{job_id}")
    wait_for_state(caller, job_id, "cancelled")
    return start


def _find_start(attempt: AttemptDir, submitted_at: float) -> Start | None:
    lines = read_lines(attempt.events.read_bytes()).lines if attempt.events.exists() else []
    moments = [
        _first_at(lines, LineKind.PHASE),
        _first_at(lines, LineKind.PROGRESS),
        _first_at(lines, LineKind.METRICS),
    ]
    found = [moment - submitted_at for moment in moments if moment is not None]
    return Start(*found) if len(found) == len(moments) else None


def _first_at(lines: list[Line], kind: LineKind) -> float | None:
    """Unix seconds of the first line of a kind that tells of training."""
    return next(
        (parse_utc(line.at).timestamp() for line in lines if line.kind is kind and _trains(line)), None
    )


def _trains(line: Line) -> bool:
    if line.kind is LineKind.PHASE:
        return bool(line.data["state"] == "training")
    if line.kind is LineKind.PROGRESS:
        return bool(line.data["step"])
    return any(step > 0 for step, _ in line.data["rows"])


def _was_forked(attempt: AttemptDir) -> bool:
    """A fork keeps the command line of the fork server."""
    pid = json.loads(attempt.supervisor.read_bytes())["pid"]
    return b"headway.engines.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()


if __name__ == "__main__":
    run_alone(measure)
