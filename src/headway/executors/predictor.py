"""Forecasts of a finished run, made by a process of its own: the server imports no torch (port Predictor)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from headway.domain.errors import Busy, DataError
from headway.executors.starters import clean_environment

_PROGRAM = (sys.executable, "-m", "headway.engines.forecast.predict")
_OWN_DATA = "-"  # what the program takes for the run's own candles
_CANNOT_BE = 2  # its exit code where candles or model do not serve; its last line says why
_SHOWN = 600


class ProcessPredictor:
    """One prediction at a time; a process that is late is killed with all that it started."""

    def __init__(
        self, program: Sequence[str] = _PROGRAM, *, limit_s: float = 300.0, threads: int = 1
    ) -> None:
        self._program = tuple(program)
        self._limit_s = limit_s
        self._threads = threads
        self._turn = threading.Lock()

    def predict(self, run_dir: Path, data: Path | None, out: Path) -> None:
        if not self._turn.acquire(blocking=False):
            raise Busy("a prediction is being made: ask again when it is ready", run_id=run_dir.name)
        try:
            self._run([str(run_dir), str(data) if data else _OWN_DATA, str(out)])
        finally:
            self._turn.release()
        if not out.is_file():
            raise DataError("the prediction ended without a file: the model of the run is not there")

    def _run(self, arguments: Sequence[str]) -> None:
        environment = {**clean_environment(), "OMP_NUM_THREADS": str(self._threads)}
        process = subprocess.Popen(  # noqa: S603
            [*self._program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            told, _ = process.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired as error:
            raise DataError(f"the prediction was not ready after {self._limit_s:g} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode != 0:
            text = told.decode("utf-8", "replace").strip()[-_SHOWN:]
            if process.returncode == _CANNOT_BE and text:
                raise DataError(text.splitlines()[-1])
            raise DataError(f"the prediction failed: {text or f'exit code {process.returncode}'}")
