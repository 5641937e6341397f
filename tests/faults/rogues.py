"""What a training of the fault suite does before it trains, named by the notes of its request."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from headway.engines.base import Assignment, Reporter

GO = "go"  # a file in the run directory
FLOOD_BYTES = 400 << 20
FIRST_WORDS, LAST_WORDS = b"the flood begins\n", b"the flood is over\n"

_TURN_S = 0.005
_FOREVER_S = 600.0
_HOARD_BYTES = 700 << 20
_BURST = b"x" * 1023 + b"\n"
_BURST_LINES = 1024
_BURST_S = 0.01  # a mebibyte each: 100 MiB a second


def _nothing(_assignment: Assignment, _reporter: Reporter) -> None:
    """An ordinary training."""


def _wait_for_go(assignment: Assignment, reporter: Reporter) -> None:
    while not (assignment.run.path / GO).exists():
        reporter.check()
        time.sleep(_TURN_S)


def _be_deaf(_assignment: Assignment, _reporter: Reporter) -> None:
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(_FOREVER_S)


def _fork(_assignment: Assignment, _reporter: Reporter) -> None:
    """Leave a deaf child behind, in the same group."""
    if os.fork() == 0:
        _linger()


def _double_fork(_assignment: Assignment, _reporter: Reporter) -> None:
    """Leave a deaf grandchild behind, in a session of its own, whose parent is gone."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            _linger()
        os._exit(0)
    os.waitpid(child, 0)


def _linger() -> None:
    try:
        os.closerange(0, 64)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(_FOREVER_S)
    finally:
        os._exit(0)


def _close_output(_assignment: Assignment, _reporter: Reporter) -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)


def _flood(_assignment: Assignment, reporter: Reporter) -> None:
    """Print as fast as a careless loop does."""
    os.write(1, FIRST_WORDS)
    for _ in range(FLOOD_BYTES // (len(_BURST) * _BURST_LINES)):
        reporter.check()
        os.write(1, _BURST * _BURST_LINES)
        time.sleep(_BURST_S)
    os.write(1, LAST_WORDS)


def _hoard(_assignment: Assignment, reporter: Reporter) -> None:
    """Use more memory than is allowed, and keep it."""
    hoard = bytearray(_HOARD_BYTES)
    hoard[::4096] = b"x" * len(hoard[::4096])
    while hoard:
        reporter.check()
        time.sleep(_TURN_S)


def _run_out_of_memory(_assignment: Assignment, _reporter: Reporter) -> None:
    bytearray(1 << 60)


BEHAVIOURS: dict[str, Callable[[Assignment, Reporter], None]] = {
    "": _nothing,
    "until told": _wait_for_go,
    "deaf": _be_deaf,
    "forks": _fork,
    "double-forks": _double_fork,
    "closes its output": _close_output,
    "floods its console": _flood,
    "hoards memory": _hoard,
    "runs out of memory": _run_out_of_memory,
}


def tell_to_go(run_dir: Path) -> None:
    """End the wait of a training that waits."""
    (run_dir / GO).touch()
