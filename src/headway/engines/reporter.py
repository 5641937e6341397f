"""How an engine's words reach the log: the Reporter of a real attempt."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headway.domain.artifacts import Artifact, Checkpoint, Standing
from headway.domain.manifest import Manifest
from headway.domain.progress import estimate_eta_s, overall_fraction
from headway.domain.states import State
from headway.engines.base import Stopped
from headway.engines.logwriter import LogWriter
from headway.wire.attempts import StopRequest
from headway.wire.lines import LineKind
from headway.wire.rundir import RunDir, hash_file, prune_checkpoints, seal_checkpoint, write_json

_TELL_EVERY_S = 0.5
_RATE_OVER_S = 5.0
_KEPT_CHECKPOINTS = 3
_MAX_TEXT = 10_000  # of a note


class FileReporter:
    """Speaks through a LogWriter; is told to stop through `request_stop`, from a signal handler."""

    def __init__(self, run: RunDir, log: LogWriter) -> None:
        self._run = run
        self._log = log
        self._state = State.PREFLIGHT
        self._entered = time.monotonic()
        self._first_part: float | None = None
        self._told_at = 0.0
        self._rate = _Rate()
        self._stop: StopRequest | None = None
        self._checkpoints: list[Checkpoint] = []

    def request_stop(self, request: StopRequest) -> None:
        """Have the next `check` raise. The first request holds."""
        self._stop = self._stop or request

    def enter(self, state: State, text: str) -> None:
        self._state, self._entered, self._first_part, self._told_at = state, time.monotonic(), None, 0.0
        self._log.add(LineKind.PHASE, {"state": state.value, "text": text})

    def advance(
        self,
        part: float,
        *,
        text: str = "",
        step: int | None = None,
        steps_total: int | None = None,
        epoch: int | None = None,
        epochs_total: int | None = None,
    ) -> None:
        now = time.monotonic()
        if now - self._told_at < _TELL_EVERY_S and part < 1.0:
            return
        self._told_at = now
        if self._first_part is None:  # a resumed training begins in the middle: its pace counts from there
            self._first_part, self._entered = part, now
        done, ahead = part - self._first_part, 1.0 - self._first_part
        left = estimate_eta_s(now - self._entered, done / ahead) if done > 0 and ahead > 0 else None
        data: dict[str, Any] = {
            "fraction": overall_fraction(self._state, part),
            "phase": text,
            "step": step,
            "steps_total": steps_total,
            "epoch": epoch,
            "epochs_total": epochs_total,
            "rate_per_s": self._rate.after(now, step),
            "eta_s": left,
        }
        self._log.add(LineKind.PROGRESS, data, at_once=False)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self._log.add_metrics(step, values)

    def note(self, text: str, *, level: str = "info") -> None:
        self._log.add(LineKind.NOTE, {"level": level, "text": text[:_MAX_TEXT]})

    def manifest(self, manifest: Manifest) -> None:
        write_json(self._run.manifest, manifest.to_json())

    @contextmanager
    def draft(
        self, step: int, *, keep: Collection[int] | None = None, standing: Standing | None = None
    ) -> Iterator[Path]:
        self._run.checkpoints.mkdir(exist_ok=True)
        for abandoned in self._run.checkpoints.glob(".draft-*"):
            shutil.rmtree(abandoned)
        folder = self._run.checkpoints / f".draft-{step}"
        folder.mkdir()
        yield folder
        self._log.sync()  # who goes on from here never says again what was said before
        checkpoint = seal_checkpoint(self._run, folder, step)
        self._checkpoints.append(checkpoint)
        if keep is None:
            prune_checkpoints(self._run, keep=_KEPT_CHECKPOINTS)
        else:
            prune_checkpoints(self._run, keep=1, steps=(*keep, step))
        told = {**checkpoint.to_json(), **(standing or Standing()).to_json()}
        self._log.add(LineKind.CHECKPOINT, told)

    def artifact(self, path: Path, kind: str) -> Artifact:
        found = Artifact(self._run.relative(path), kind, path.stat().st_size, hash_file(path))
        self._log.add(LineKind.ARTIFACT, found.to_json())
        return found

    def sync(self) -> None:
        """Wait until all that was said is on the disk. Raises the OSError that stopped the writing."""
        self._log.sync()

    def check(self) -> None:
        self._log.require_healthy()
        if self._stop is not None:
            raise Stopped(self._stop)

    @property
    def stop_requested(self) -> StopRequest | None:
        return self._stop

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return list(self._checkpoints)


class _Rate:
    """Steps a second over the last few seconds."""

    def __init__(self) -> None:
        self._since: tuple[float, int] | None = None
        self._rate: float | None = None

    def after(self, now: float, step: int | None) -> float | None:
        if step is None:
            return self._rate
        if self._since is None or step < self._since[1]:
            self._since = (now, step)
            return self._rate
        elapsed, steps = now - self._since[0], step - self._since[1]
        if elapsed > 0 and steps > 0:
            self._rate = steps / elapsed
        if elapsed > _RATE_OVER_S:
            self._since = (now, step)
        return self._rate
