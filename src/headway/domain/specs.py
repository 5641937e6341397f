"""What was asked for; frozen at submit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headway.domain.json import Json, JsonObject
from headway.domain.limits import Limits


@dataclass(frozen=True)
class Spec:
    """One training, as asked for.

    `config` belongs to the engine and has been validated by it (or by the façade) before the run exists;
    `request` is what the caller sent, kept to be shown again.
    """

    engine: str
    config: JsonObject
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    executor: str = "local"
    priority: int = 0  # higher goes first
    label: str = ""
    notes: str = ""
    origin: str = ""  # the front door it came through: jobs, real-session, cli
    request: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return {
            "engine": self.engine,
            "config": self.config,
            "limits": self.limits.to_json(),
            "seed": self.seed,
            "executor": self.executor,
            "priority": self.priority,
            "label": self.label,
            "notes": self.notes,
            "origin": self.origin,
            "request": self.request,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Spec:
        known = dict(data)
        limits = known.pop("limits")
        return cls(limits=Limits.from_json(limits), **known)  # type: ignore[arg-type]
