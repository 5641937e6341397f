"""An hour of short runs with followers, and whether anything of the server grows.

`python -m benchmarks.soak [--minutes 60] [--quick] [--json FILE] [--samples FILE]`. Real trainings of a
second or two come in a steady stream, started warm; each is followed to its end, every other one by somebody who goes
away and comes back. Before them a crowd asks at once, so that no later coincidence opens more connections to the store
than there are: each holds descriptors and pages for good. Every ten seconds memory, descriptors and threads of the
server, those of its fork server, and the bytes of the store are noted. The first half is the warm-up: caches of pages
and pools of the allocator fill for up to half an hour, and what grows for ever does so in the second half as well. A
shorter soak than of an hour tells how things stand and nothing of growth.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.e2e.harness import SECRET, Server

from benchmarks.serving import call, serving, wait_until_warm
from benchmarks.tables import Measure, make_table, print_table
from benchmarks.trend import FEWEST, fit_slope
from headway.client.jobs import JobsClient

_SAMPLE_S = 10.0
_QUICK_SAMPLE_S = 1.0
_CALLERS = 3  # so that a run waits whenever one ends
_CROWD = 32
_QUESTIONS = 20
_WARM_UP = 1 / 2
_WARM_UP_S = 1_800.0
_HOUR_S = 3600.0
_STEPS = {"MB": 0.016, "": 0.0}  # the interpreter takes memory for small objects in pools of 16 KiB

SHORT = json.dumps(
    {"symbols": ["BTC"], "features": ["price"], "seed": 11, "steps": 2048, "durationHours": 0.25}
).encode()
"""A training of a second or two."""


@dataclass(frozen=True)
class Sample:
    """How the server stands. Memory is what is resident: a share of it would move with the number of forks alive."""

    at_s: float
    runs: int
    memory_bytes: int
    descriptors: int
    threads: int
    fork_memory_bytes: int
    fork_descriptors: int
    store_bytes: int


def main() -> None:
    chosen = _parse()
    every_s = _QUICK_SAMPLE_S if chosen.quick else _SAMPLE_S
    samples, failures = soak((1 if chosen.quick else chosen.minutes) * 60.0, every_s)
    found = judge(samples, failures)
    if chosen.samples is not None:
        chosen.samples.write_text(json.dumps([asdict(each) for each in samples], indent=1))
    if chosen.json is None:
        print_table(make_table(found, f"soak of {samples[-1].at_s / 60:.0f} minutes, {len(samples)} samples"))
    else:
        chosen.json.write_text(json.dumps([each.to_json() for each in found], allow_nan=False))


def soak(seconds: float, every_s: float) -> tuple[list[Sample], int]:
    """Samples taken while runs come and go; and how many runs were not told to their end."""
    with serving(HEADWAY_CPU_SLOTS="1") as server:
        wait_until_warm(server)
        _crowd(server)
        callers = _Callers(server)
        began = time.monotonic()
        samples: list[Sample] = []
        with ThreadPoolExecutor(_CALLERS) as pool:
            work = [pool.submit(callers.call_in_turn) for _ in range(_CALLERS)]
            for number in itertools.count(1):
                # samples at even times
                time.sleep(max(began + number * every_s - time.monotonic(), 0.0))
                samples.append(_sample(server, time.monotonic() - began, callers.ended))
                if samples[-1].at_s >= seconds or any(each.done() for each in work):
                    break
            callers.stop.set()
            for each in work:
                each.result()
        return samples, callers.failures


def _crowd(server: Server) -> None:
    def ask(_number: int) -> None:
        with call(server) as caller:
            for _ in range(_QUESTIONS):
                caller.ask("GET", "/jobs?limit=200")

    with ThreadPoolExecutor(_CROWD) as pool:
        list(pool.map(ask, range(_CROWD)))


class _Callers:
    """Each submits a run, follows it to its end, and submits the next."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.ended = 0
        self.failures = 0

    def call_in_turn(self) -> None:
        for early in itertools.cycle((False, True)):
            if self.stop.is_set():
                return
            with call(self._server) as caller:
                job_id = caller.submit(SHORT)
            kinds = self._follow(job_id, early=early)
            with self._lock:
                self.ended += 1
                self.failures += "run_ended" not in kinds

    def _follow(self, job_id: str, *, early: bool) -> list[str]:
        """The kinds of a run's events; `early` goes away after the first and comes back for all."""
        with JobsClient(self._server.url, SECRET) as client:
            if early:
                next(iter(client.events(job_id)))
            return [news.kind for news in client.events(job_id)]


def judge(samples: list[Sample], failures: int) -> list[Measure]:
    """How much each quantity grows in an hour once the server is warm."""
    kept = samples[_count_warming(samples) :]
    told = kept[0].at_s >= _WARM_UP_S
    hours = [each.at_s / _HOUR_S for each in kept]
    runs_an_hour = (kept[-1].runs - kept[0].runs) / (hours[-1] - hours[0])
    stored = fit_slope([float(each.runs) for each in kept], [each.store_bytes / 1e3 for each in kept])
    growths = {
        "memory of the server": ([each.memory_bytes / 1e6 for each in kept], "MB"),
        "descriptors of the server": ([float(each.descriptors) for each in kept], ""),
        "threads of the server": ([float(each.threads) for each in kept], ""),
        "memory of the fork server": ([each.fork_memory_bytes / 1e6 for each in kept], "MB"),
        "descriptors of the fork server": ([float(each.fork_descriptors) for each in kept], ""),
    }
    return [
        Measure("runs followed to their end", samples[-1].runs, "", note=f"{runs_an_hour:,.0f} an hour"),
        Measure("runs whose end was not told", failures, f"of {samples[-1].runs:,}", 0),
        *(_growth(what, hours, values, unit, told=told) for what, (values, unit) in growths.items()),
        Measure("store, a run", stored.value, "kB", note=f"± {stored.margin:.2g}"),
    ]


def _count_warming(samples: list[Sample]) -> int:
    """How many samples are of the warm-up; as many are left as a slope needs."""
    warm_s = max(samples[-1].at_s * _WARM_UP, _WARM_UP_S)
    return min(sum(each.at_s < warm_s for each in samples), max(len(samples) - FEWEST, 0))


def _growth(what: str, hours: list[float], values: list[float], unit: str, *, told: bool) -> Measure:
    """Held to be there when by the lower end of its interval more than one step was taken while it was looked at."""
    slope = fit_slope(hours, values)
    least = slope.low * (hours[-1] - hours[0])
    verdict = "grows" if least > _STEPS[unit] else "no growth seen"
    if not told:
        verdict = "warming up, too short to tell"
    seen = f"{values[0]:.1f} at first, {values[-1]:.1f} at last, most {max(values):.1f}"
    return Measure(what, slope.value, f"{unit}/h", note=f"± {slope.margin:.2g}: {verdict}; {seen}")


def _sample(server: Server, at_s: float, runs: int) -> Sample:
    fork_pid = server.fork_server_pid()
    return Sample(
        at_s=at_s,
        runs=runs,
        memory_bytes=_resident_bytes(server.pid),
        descriptors=_count_entries(f"/proc/{server.pid}/fd"),
        threads=_count_entries(f"/proc/{server.pid}/task"),
        fork_memory_bytes=_resident_bytes(fork_pid),
        fork_descriptors=_count_entries(f"/proc/{fork_pid}/fd"),
        store_bytes=sum(path.stat().st_size for path in server.data_dir.glob("*.db*")),
    )


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _count_entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="one minute, a sample a second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="write all samples there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
