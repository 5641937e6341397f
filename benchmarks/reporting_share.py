"""How much of a real training goes into reporting: time inside its calls, and the CPU time of the writing thread.

What is slower by less than the noise between two trainings cannot be seen by comparing them. The share that is
measured here is an upper bound: the writing thread competes with the training for one core and one interpreter.
Checkpoints are left out: they are the work, not a report of it.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tests.fakes.markets import noise_market

from headway.engines.logwriter import LogWriter
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.learn import learn
from headway.engines.ppo.plan import Plan
from headway.engines.reporter import FileReporter
from headway.wire.rundir import RunDir


class TimedReporter(FileReporter):
    """Adds up how long its calls take; by their names, for `super` would take a third as long as they do."""

    spent_s = 0.0

    def advance(self, part: float, **said: Any) -> None:
        began = time.perf_counter()
        FileReporter.advance(self, part, **said)
        self.spent_s += time.perf_counter() - began

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        began = time.perf_counter()
        FileReporter.metrics(self, step, values)
        self.spent_s += time.perf_counter() - began

    def check(self) -> None:
        began = time.perf_counter()
        FileReporter.check(self)
        self.spent_s += time.perf_counter() - began


def measure_share(seconds: float) -> float:
    """The share of a PPO training of so many seconds that its reports took."""
    torch.set_num_threads(1)
    markets = noise_market(22_000, seed=1, columns=16), noise_market(4_700, seed=2, columns=16)
    plan = Plan(*markets, Rules(), 1, 8_766.0, duration_s=seconds)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(Path(folder))
        run.attempt(1).create()
        log = LogWriter(run.attempt(1).events)
        reporter = TimedReporter(run, log)
        learned = learn(plan, reporter)
        written_s = _cpu_s_of("log-writer")
        log.close()
    return (reporter.spent_s + written_s) / learned.elapsed_s


def _cpu_s_of(name: str) -> float:
    """CPU seconds of the threads of that name."""
    idents = [thread.ident for thread in threading.enumerate() if thread.name == name]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in idents if ident)
