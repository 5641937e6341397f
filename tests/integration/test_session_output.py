"""A session whose output cannot be written still says why it ended."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headway.domain.reasons import Reason
from headway.domain.results import Result
from headway.domain.trading import TradingConfig
from headway.engines.base import Assignment, Reporter
from headway.engines.session import run_session
from headway.wire.attempts import ExitCode, Launch
from headway.wire.lines import LineKind, read_lines
from headway.wire.rundir import AttemptDir, RunDir, write_json
from tests.factories import make_spec, run_id
from tests.fakes import staged_engine

_FULL = Path("/dev/full")


def _attempt(tmp_path: Path, notes: str) -> AttemptDir:
    run = RunDir(tmp_path / run_id(1))
    attempt = run.attempt(1)
    attempt.create()
    write_json(run.spec, make_spec(config=TradingConfig().to_json(), notes=notes).to_json())
    write_json(attempt.launch, Launch(run_id(1), 1, str(run.path), str(tmp_path)).to_json())
    return attempt


@pytest.mark.skipif(not _FULL.exists(), reason="there is no /dev/full")
def test_an_error_whose_trace_finds_no_room_is_told_in_the_log_all_the_same(tmp_path: Path) -> None:
    attempt = _attempt(tmp_path, "bug")
    command = [sys.executable, "-m", "tests.fakes.staged_session", str(attempt.path)]
    with _FULL.open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=full, check=False)

    last = read_lines(attempt.events.read_bytes()).lines[-1]
    assert (ended.returncode, last.kind) == (ExitCode.FAILED, LineKind.ENDED)
    assert last.data == {
        "reason": Reason.TRAINER_ERROR.value,
        "error": "ZeroDivisionError: division by zero",
    }


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (errno.ENOSPC, ExitCode.DISK_FULL),
        (errno.EROFS, ExitCode.NOT_WRITABLE),
        (errno.EACCES, ExitCode.NOT_WRITABLE),
        (errno.EIO, ExitCode.FAILED),
    ],
)
def test_why_a_log_cannot_be_opened_is_told_by_the_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cause: int,
    code: ExitCode,
) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr("headway.engines.session.LogWriter", refuse)
    assert run_session(_attempt(tmp_path, "quick")) == code
    assert os.strerror(cause) in capsys.readouterr().err


def test_what_was_said_is_on_the_disk_before_the_result_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after its result, a training has lost none of its numbers."""
    attempt = _attempt(tmp_path, "quick")
    found: list[int] = []

    def look(*_: object) -> None:
        found.append(len(read_lines(attempt.events.read_bytes()).lines))

    def train(assignment: Assignment, reporter: Reporter) -> Result:
        result = staged_engine.train(assignment, reporter)
        reporter.metrics(99, {"train/loss": 0.5})
        return result

    monkeypatch.setattr("headway.engines.logwriter._FIRST_PAUSE_S", 3600.0)  # it is in no hurry by itself
    monkeypatch.setattr("headway.engines.session.get_engine", lambda _name: train)
    monkeypatch.setattr("headway.engines.session._write_result", look)
    run_session(attempt)

    assert found == [len(read_lines(attempt.events.read_bytes()).lines) - 1]  # all but the farewell
