"""The one result shape of every engine and executor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headway.domain.artifacts import Artifact
from headway.domain.json import Json, JsonObject
from headway.domain.reasons import Reason


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    `metrics` are headline numbers, each finite or None; `details` is the engine's own account (baselines,
    per-symbol numbers, intervals, why a number is missing); `data_label` says what it was trained on when that
    is not the user's own data (packaged demo data, simulated data), and is shown wherever the numbers are.
    """

    reason: Reason
    metrics: Mapping[str, float | None]
    details: JsonObject = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    data_label: str | None = None
    simulated: bool = False

    def to_json(self) -> JsonObject:
        return {
            "reason": self.reason.value,
            "metrics": dict(self.metrics),
            "details": self.details,
            "artifacts": [a.to_json() for a in self.artifacts],
            "data_label": self.data_label,
            "simulated": self.simulated,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Result:
        known: dict[str, Any] = dict(data)
        return cls(
            reason=Reason(known["reason"]),
            metrics=known["metrics"],
            details=known["details"],
            artifacts=tuple(Artifact.from_json(a) for a in known["artifacts"]),
            data_label=known["data_label"],
            simulated=known["simulated"],
        )
