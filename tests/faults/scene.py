"""Where a fault strikes, and what is to be expected because of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from headway.wire.rundir import AttemptDir, find_json
from tests.faults.house import ENDED, House
from tests.waiting import is_alive

_PREY_S = 3.0
_MAX_SEED = 1 << 31


@dataclass(frozen=True)
class Expected:
    """A run as the case has made it, and how it must end."""

    run_id: str
    seed: int
    notes: str = ""
    state: str = "done"
    reason: str = "completed"


@dataclass(frozen=True)
class Excuse:
    """An end that a fault allows, after which a person resumes the run."""

    run_id: str | None  # None: any run of the case
    reason: str
    words: str  # that the error must hold

    def covers(self, run_id: str, record: dict[str, Any]) -> bool:
        return (
            self.run_id in (None, run_id)
            and record["reason"] == self.reason
            and self.words in (record["error"] or "")
        )


@dataclass
class Scene:
    """The house, the runs of the case, and what its faults have done so far."""

    house: House
    draw: random.Random
    key: str = ""
    runs: list[Expected] = field(default_factory=list)
    excuses: list[Excuse] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)  # once everything is at rest
    over_at: float = 0.0  # monotonic; from here on everything should come to rest by itself
    only: str | None = None  # the one run that is to be struck
    on_submit: Callable[[Expected], None] = lambda _run: None
    _numbers: Any = field(default_factory=count)

    @property
    def run_ids(self) -> list[str]:
        return [run.run_id for run in self.runs]

    def over(self) -> None:
        self.over_at = max(self.over_at, time.monotonic())

    def submit(
        self,
        notes: str = "",
        *,
        seed: int | None = None,
        end: tuple[str, str] = ("done", "completed"),
        **body: Any,
    ) -> str:
        """One more run of the case; its id."""
        seed = self.draw.randrange(1, _MAX_SEED) if seed is None else seed
        key = f"{self.key}-{next(self._numbers)}"
        run_id = self.house.submit(key, seed, notes=notes, version=f"v{key[-28:]}", **body)
        run = Expected(run_id, seed, notes, *end)
        self.runs.append(run)
        self.on_submit(run)
        return run_id

    def excuse_killed(self, run_id: str | None) -> None:
        """The training process of a run (or of any) is killed."""
        self.excuses.append(Excuse(run_id, "trainer_error", "signal 9"))

    def is_excused(self, run_id: str, record: dict[str, Any]) -> bool:
        return any(excuse.covers(run_id, record) for excuse in self.excuses)


@dataclass(frozen=True)
class Prey:
    """A run with a live training process."""

    run_id: str
    attempt: AttemptDir
    supervisor: int
    trainer: int


def find_prey(scene: Scene, run_id: str | None = None) -> Prey | None:
    """A random run (or that one) whose training lives, waiting a moment for one; None when all have ended."""
    run_id = run_id or scene.only
    deadline = time.monotonic() + _PREY_S
    while time.monotonic() < deadline:
        records = scene.house.records([run_id] if run_id else scene.run_ids)
        alive = [prey for found in records if (prey := _prey_of(scene, found)) is not None]
        if alive:
            return scene.draw.choice(alive)
        if records and all(record["state"] in ENDED for record in records.values()):
            return None
        time.sleep(0.005)
    return None


def _prey_of(scene: Scene, run_id: str) -> Prey | None:
    folder = scene.house.run_dir(run_id)
    attempts = sorted(int(p.name) for p in (folder.path / "attempts").glob("*")) or [1]
    attempt = folder.attempt(attempts[-1])
    record = find_json(attempt.supervisor)
    if record is None or attempt.exit.exists() or not record["trainer_pid"]:
        return None
    if not is_alive(record["pid"]) or not is_alive(record["trainer_pid"]):
        return None
    return Prey(run_id, attempt, record["pid"], record["trainer_pid"])


def send(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
