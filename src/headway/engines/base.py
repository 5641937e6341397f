"""What an engine is given, what it may say, and how it stops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from headway.domain.artifacts import Artifact, Checkpoint, Standing
from headway.domain.json import JsonObject
from headway.domain.manifest import Manifest
from headway.domain.results import Result
from headway.domain.specs import Spec
from headway.domain.states import State
from headway.wire.attempts import StopRequest
from headway.wire.rundir import RunDir


class Stopped(Exception):
    """The engine left its loop because it was asked to; the session ends the attempt accordingly."""

    def __init__(self, request: StopRequest) -> None:
        self.request = request
        super().__init__(request.why)


class Diverged(Exception):
    """A loss or a parameter became NaN or infinite."""


@dataclass(frozen=True)
class Assignment:
    """One attempt at one run, as an engine sees it."""

    run_id: str
    attempt: int
    spec: Spec
    run: RunDir
    candles_dir: Path
    seed: int
    threads: int = 1
    resume: Path | None = None  # folder of the checkpoint to go on from
    context: JsonObject = field(default_factory=dict)  # generation, predecessor
    deadline_at: float | None = None  # on the monotonic clock: the supervisor stops the attempt then

    def training_left_s(self, now: float) -> float | None:
        """Seconds that may still be trained so that the attempt evaluates and saves in time; None for no limit.

        `now` is on the monotonic clock.
        """
        if self.deadline_at is None:
            return None
        return max(self.deadline_at - now - self.spec.limits.reserved_s, 0.0)


class Reporter(Protocol):
    """How an engine speaks. Every call is cheap, and none raises into the training loop but `check`."""

    def enter(self, state: State, text: str) -> None:
        """A phase begins: `State.PREFLIGHT` while preparing, `TRAINING`, `EVALUATING`."""

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
        """`part` (0..1) of the current phase is done. Call it at every batch; it emits by stride by itself."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers at a step, named `group/name`. NaN and infinite ones are left out and noted once a name."""

    def note(self, text: str, *, level: str = "info") -> None:
        """A sentence for people, kept as an event."""

    def manifest(self, manifest: Manifest) -> None:
        """Write `manifest.json`. Call it before training begins."""

    def draft(
        self, step: int, *, keep: Collection[int] | None = None, standing: Standing | None = None
    ) -> AbstractContextManager[Path]:
        """`with reporter.draft(step) as folder:` write a checkpoint's files there; sealed and told on leaving.

        Of earlier ones those of the steps in `keep` stay; without it, the newest three. `standing` is told with it.
        """

    def artifact(self, path: Path, kind: str) -> Artifact:
        """Hash a file below the run directory and tell of it."""

    def check(self) -> None:
        """Raise Stopped when the attempt has been asked to stop. A flag read: call it at every batch."""

    @property
    def stop_requested(self) -> StopRequest | None:
        """The request to stop, if there is one."""

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Checkpoints sealed in this attempt, oldest first."""


Train = Callable[[Assignment, Reporter], Result]
"""An engine: trains, reports, and returns its result. Raises Stopped, Diverged, or whatever went wrong."""
