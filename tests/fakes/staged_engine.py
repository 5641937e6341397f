"""An engine that does what the notes of its spec say: real processes, files and signals, without learning anything."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from headway.domain.errors import DataError
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.states import State
from headway.engines.base import Assignment, Diverged, Reporter

_TURN_S = 0.01


def train(assignment: Assignment, reporter: Reporter) -> Result:
    """Behave as `notes` names it; leave a result where the behaviour ends by itself."""
    _BEHAVIOURS[assignment.spec.notes](assignment, reporter)
    return Result(Reason.COMPLETED, {"sharpe": 1.0}, data_label="made by a test", simulated=True)


def _stay(state: State) -> Callable[[Assignment, Reporter], None]:
    def behave(assignment: Assignment, reporter: Reporter) -> None:
        for entered in (State.PREFLIGHT, State.TRAINING, State.EVALUATING):
            reporter.enter(entered, f"in {entered}")
            if entered is state:
                _loop(assignment, reporter)

    return behave


def _loop(assignment: Assignment, reporter: Reporter) -> None:
    """Turn until asked to stop, with a checkpoint of the first turn."""
    with reporter.draft(1) as folder:
        (folder / "weights").write_text(assignment.run_id)
    while True:
        reporter.check()
        time.sleep(_TURN_S)


def _quick(_assignment: Assignment, reporter: Reporter) -> None:
    reporter.enter(State.TRAINING, "training")
    reporter.metrics(1, {"train/loss": 0.5})
    reporter.enter(State.EVALUATING, "evaluating")


def _until_told(assignment: Assignment, reporter: Reporter) -> None:
    """Train until there is a file `go` in the run directory."""
    reporter.enter(State.TRAINING, "training")
    step = 0
    while not (assignment.run.path / "go").exists():
        reporter.check()
        step += 1
        reporter.metrics(step, {"train/loss": 1.0 / step})
        print(f"step {step}", flush=True)  # noqa: T201  (the console of a training)
        time.sleep(_TURN_S)
    reporter.enter(State.EVALUATING, "evaluating")


def _deaf(_assignment: Assignment, reporter: Reporter) -> None:
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    reporter.enter(State.TRAINING, "training")
    while True:
        time.sleep(_TURN_S)


def _double_forking(assignment: Assignment, reporter: Reporter) -> None:
    """Leave a deaf grandchild in a session of its own, with its pid in the run directory; then be deaf."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        child = os.fork()
        if child:
            os.write(writer, str(child).encode())
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.chdir("/")
        time.sleep(600)
    os.wait()
    (assignment.run.path / "grandchild").write_bytes(os.read(reader, 32))
    _deaf(assignment, reporter)


def _garbage(assignment: Assignment, reporter: Reporter) -> None:
    """Write what no reporter writes into the log, then go on."""
    reporter.enter(State.TRAINING, "training")
    log = assignment.run.attempt(assignment.attempt).events
    with log.open("ab") as file:
        file.write(b'not json\n{"seq": 1000000, "at": "yesterday", "kind": "phase", "data": {}}\n\x00\xff\n')
    reporter.metrics(2, {"train/loss": 0.25})


def _fail_with(error: Exception) -> Callable[[Assignment, Reporter], None]:
    def behave(_assignment: Assignment, reporter: Reporter) -> None:
        reporter.enter(State.TRAINING, "training")
        raise error

    return behave


def _silent(_assignment: Assignment, reporter: Reporter) -> None:
    reporter.enter(State.TRAINING, "training")
    os._exit(0)


_BEHAVIOURS: dict[str, Callable[[Assignment, Reporter], None]] = {
    "quick": _quick,
    "stay in preflight": _stay(State.PREFLIGHT),
    "stay in training": _stay(State.TRAINING),
    "stay in evaluating": _stay(State.EVALUATING),
    "until told": _until_told,
    "deaf": _deaf,
    "double-forking": _double_forking,
    "garbage": _garbage,
    "diverge": _fail_with(Diverged("the loss is nan after 12 steps")),
    "no data": _fail_with(DataError("BTCUSDT_1h.csv, row 7: close is -1")),
    "no memory": _fail_with(MemoryError("400 GiB")),
    "disk full": _fail_with(OSError(28, "No space left on device")),
    "bug": _fail_with(ZeroDivisionError("division by zero")),
    "silent": _silent,
}
