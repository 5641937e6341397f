"""Files that a run leaves: artifacts and checkpoints, hashed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, get_type_hints

from headway.domain.json import JsonObject

T = TypeVar("T")


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
        """What `to_json` wrote; ValueError and TypeError for what it cannot have written."""
        known: dict[str, Any] = dict(data)
        return _checked(cls(**known))


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
        """From the line that tells of it, which holds its `Standing` too; ValueError and TypeError for what is none."""
        known: dict[str, Any] = {field.name: data[field.name] for field in fields(cls)}
        return _checked(cls(**known))


@dataclass(frozen=True)
class Standing:
    """How far and how good the weights of a checkpoint are. None for what was not measured at its very step."""

    epoch: int | None = None  # whole ones behind it
    val_loss: float | None = None
    val_score: float | None = None  # the higher the better; of forecasts directional accuracy

    def to_json(self) -> JsonObject:
        return asdict(self)


def _checked(record: T) -> T:
    """A log can hold anything: the first field that is of another type than it has to be is named."""
    for name, kind in get_type_hints(type(record)).items():
        value = getattr(record, name)
        if not isinstance(value, kind):
            raise ValueError(f"{name} is {value!r}")
    return record
