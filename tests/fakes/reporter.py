"""A reporter that remembers what it was told, over a real run directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headway.domain.artifacts import Artifact, Checkpoint, Standing
from headway.domain.manifest import Manifest
from headway.domain.states import State
from headway.engines.base import Stopped
from headway.wire.attempts import StopRequest, Verb
from headway.wire.rundir import RunDir, hash_file, prune_checkpoints, seal_checkpoint, write_json


@dataclass
class RecordingReporter:
    """Stops at the check for which `stop_when` says so (it is given the number of checks so far)."""

    run: RunDir
    stop_when: Callable[[int], bool] = lambda _: False
    checks: int = 0
    phases: list[tuple[State, str]] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    sealed: list[Checkpoint] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)  # of those sealed, one each
    request: StopRequest | None = None

    def enter(self, state: State, text: str) -> None:
        self.phases.append((state, text))

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
        self.parts.append(part)
        if not self.texts or self.texts[-1] != text:
            self.texts.append(text)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self.points.append((step, dict(values)))

    def note(self, text: str, *, level: str = "info") -> None:
        self.notes.append(f"{level}: {text}")

    def manifest(self, manifest: Manifest) -> None:
        write_json(self.run.manifest, manifest.to_json())
        self.manifests.append(manifest)

    @contextmanager
    def draft(
        self, step: int, *, keep: Collection[int] | None = None, standing: Standing | None = None
    ) -> Iterator[Path]:
        folder = self.run.checkpoints / f".draft-{step}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
        self.sealed.append(seal_checkpoint(self.run, folder, step))
        self.standings.append(standing or Standing())
        if keep is not None:
            prune_checkpoints(self.run, keep=1, steps=(*keep, step))

    def artifact(self, path: Path, kind: str) -> Artifact:
        artifact = Artifact(self.run.relative(path), kind, path.stat().st_size, hash_file(path))
        self.artifacts.append(artifact)
        return artifact

    def check(self) -> None:
        self.checks += 1
        if self.request is None and self.stop_when(self.checks):
            self.request = StopRequest(Verb.CANCEL, "test", "asked to", "2026-01-01T00:00:00Z")
        if self.request is not None:
            raise Stopped(self.request)

    @property
    def stop_requested(self) -> StopRequest | None:
        return self.request

    @property
    def checkpoints(self) -> list[Checkpoint]:
        return self.sealed
