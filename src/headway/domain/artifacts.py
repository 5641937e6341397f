"""Files that a run leaves: artifacts and checkpoints, hashed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from headway.domain.json import JsonObject


@dataclass(frozen=True)
class Artifact:
    """A file of a run. `path` is relative to the run directory, with forward slashes."""

    path: str
    kind: str  # model, report, metrics, manifest, data
    size_bytes: int
    sha256: str

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> Artifact:
        known: dict[str, Any] = dict(data)
        return cls(**known)


@dataclass(frozen=True)
class Checkpoint:
    """A folder from which a run can go on. `path` is relative to the run directory."""

    path: str
    step: int
    size_bytes: int
    sha256: str  # of its manifest, which holds the hash of every file

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> Checkpoint:
        """From the line that tells of it, which holds its `Standing` too."""
        known: dict[str, Any] = {field.name: data[field.name] for field in fields(cls)}
        return cls(**known)


@dataclass(frozen=True)
class Standing:
    """How far and how good the weights of a checkpoint are. None for what was not measured at its very step."""

    epoch: int | None = None  # whole ones behind it
    val_loss: float | None = None
    val_score: float | None = None  # the higher the better; of forecasts directional accuracy

    def to_json(self) -> JsonObject:
        return asdict(self)
