"""One attempt in the training process: set up, train, write the result, say why it ended.

`python -m headway.engines.session ATTEMPT_DIR`. Exit codes: 0 the training ended with a result, 3 it was asked to
stop, 4 the disk was too full for the log, 5 it may not be written, 1 it failed.
"""

from __future__ import annotations

import errno
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from headway.domain.clock import format_utc, utc_now
from headway.domain.errors import CorruptRunFile, DataError, HeadwayError, InvalidInput, PreflightFailed
from headway.domain.json import JsonObject
from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.engines.base import Assignment, Diverged, Stopped
from headway.engines.logwriter import LogWriter
from headway.engines.registry import get_engine
from headway.engines.reporter import FileReporter
from headway.supervisor.trainers import leave, print_trace
from headway.wire.attempts import REASON_OF_VERB, ExitCode, Launch, StopRequest, Verb
from headway.wire.lines import LineKind
from headway.wire.rundir import AttemptDir, RunDir, find_json, get_json, write_json

_MAX_TEXT = 4_000  # all of it is in the console log
_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (Diverged, Reason.DIVERGED),
    (DataError, Reason.DATA_UNAVAILABLE),
    (InvalidInput, Reason.PREFLIGHT_REJECTED),  # what was asked for cannot be trained on what is there
    (MemoryError, Reason.OUT_OF_MEMORY),
)


def run_session(attempt: AttemptDir) -> int:
    """Train an attempt to its end; the exit code."""
    try:
        return _run(attempt)
    except OSError as error:  # the log cannot be opened or ended: the code must tell it
        print_trace()
        return ExitCode.of(error)


def _run(attempt: AttemptDir) -> int:
    assignment = read_assignment(attempt)
    log = LogWriter(attempt.events)
    reporter = FileReporter(assignment.run, log)
    _listen(attempt, reporter)
    code, farewell = _train(assignment, reporter)
    log.add(LineKind.ENDED, farewell)
    log.close()
    return code


def read_assignment(attempt: AttemptDir) -> Assignment:
    """What `launch.json` and `spec.json` ask for."""
    launch = Launch.from_json(get_json(attempt.launch))
    run = RunDir(Path(launch.run_dir))
    spec = Spec.from_json(get_json(run.spec))
    return Assignment(
        run_id=launch.run_id,
        attempt=launch.attempt,
        spec=spec,
        run=run,
        candles_dir=Path(launch.candles_dir),
        seed=spec.seed or 0,
        threads=launch.threads,
        resume=run.path / launch.resume_from if launch.resume_from else None,
        context=launch.context,
        deadline_at=None if launch.hard_deadline_s is None else time.monotonic() + launch.hard_deadline_s,
    )


def _listen(attempt: AttemptDir, reporter: FileReporter) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        fallback = Verb.SHUTDOWN if number == signal.SIGTERM else None
        request = _read_stop(attempt, fallback)
        if request is not None:
            reporter.request_stop(request)

    signal.signal(signal.SIGUSR1, stop)
    signal.signal(signal.SIGTERM, stop)
    stop(signal.SIGUSR1, None)  # it may have been asked before anybody listened


def _read_stop(attempt: AttemptDir, fallback: Verb | None) -> StopRequest | None:
    with suppress(CorruptRunFile):
        found = find_json(attempt.stop)
        if found is not None:
            return StopRequest.from_json(found)
    if fallback is None:
        return None
    return StopRequest(fallback, "signal", "the training process was told to end", format_utc(utc_now()))


def _train(assignment: Assignment, reporter: FileReporter) -> tuple[ExitCode, dict[str, str | None]]:
    try:
        result = get_engine(assignment.spec.engine)(assignment, reporter)
        reporter.sync()
        _write_result(assignment, result)
    except Stopped as stop:
        return ExitCode.STOPPED, {
            "reason": REASON_OF_VERB[stop.request.verb].value,
            "error": stop.request.why,
        }
    except Exception as error:  # noqa: BLE001  (whatever an engine raises must be told, not lost)
        print_trace()
        return ExitCode.FAILED, {"reason": classify(error).value, "error": describe(error)}
    return ExitCode.DONE, {"reason": result.reason.value, "error": None}


def _write_result(assignment: Assignment, result: Result) -> None:
    """The result last: whoever finds it whole finds the metrics too, and all that was said in the log."""
    write_json(assignment.run.metrics, _metrics_file(assignment, result))
    write_json(assignment.run.result, {**result.to_json(), "attempt": assignment.attempt})


def _metrics_file(assignment: Assignment, result: Result) -> JsonObject:
    label = {"data_label": result.data_label, "simulated": result.simulated}
    return {
        "run_id": assignment.run_id,
        "attempt": assignment.attempt,
        **label,
        "metrics": dict(result.metrics),
    }


def classify(error: Exception) -> Reason:
    """The reason that an error of the engine stands for."""
    if isinstance(error, PreflightFailed):
        return Reason(error.reason)
    known = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    if known is not None:
        return known
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
        return Reason.OUT_OF_MEMORY
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Reason.DISK_FULL
    return Reason.TRAINER_ERROR


def describe(error: Exception) -> str:
    """One sentence for people; our own errors and a divergence speak for themselves."""
    text = str(error) if isinstance(error, (HeadwayError, Diverged)) else f"{type(error).__name__}: {error}"
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} …"


if __name__ == "__main__":
    leave(run_session(AttemptDir(Path(sys.argv[1]))))
