"""Progress of a run: one monotonic fraction from 0 to 1, and what is being done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headway.domain.json import JsonObject
from headway.domain.states import State

# Preparation takes the first 5 %, training the next 90 %, evaluation and saving the last 5 %.
_BANDS: dict[State, tuple[float, float]] = {
    State.PREFLIGHT: (0.0, 0.05),
    State.TRAINING: (0.05, 0.95),
    State.EVALUATING: (0.95, 1.0),
}
_ALMOST_DONE = 0.999  # 1.0 is kept for runs that are done


@dataclass(frozen=True)
class Progress:
    """How far a run is; everything but the fraction may be unknown."""

    fraction: float = 0.0
    phase: str = ""  # for people: `PPO epoch 4/20`
    step: int | None = None
    steps_total: int | None = None
    epoch: int | None = None
    epochs_total: int | None = None
    rate_per_s: float | None = None  # steps a second
    eta_s: float | None = None

    def to_json(self) -> JsonObject:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: JsonObject) -> Progress:
        known: dict[str, Any] = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        fraction = min(max(0.0, known.pop("fraction", 0.0)), 1.0)
        return cls(fraction, **known)

    def after(self, earlier: Progress) -> Progress:
        """This progress within the same attempt: the fraction never falls, and what is not counted any more (steps
        while evaluating) keeps its last count."""
        return replace(
            self,
            fraction=max(self.fraction, earlier.fraction),
            step=earlier.step if self.step is None else self.step,
            steps_total=earlier.steps_total if self.steps_total is None else self.steps_total,
        )


def overall_fraction(state: State, part: float) -> float:
    """The fraction of the whole run when `part` (0..1, clamped) of the work of a state is behind it."""
    if state is State.DONE:
        return 1.0
    if state not in _BANDS:
        return 0.0
    low, high = _BANDS[state]
    return min(low + (high - low) * min(max(0.0, part), 1.0), _ALMOST_DONE)


def estimate_eta_s(elapsed_s: float, part: float) -> float | None:
    """Seconds left when `part` (0..1) of the work took `elapsed_s`; None where nothing is known yet."""
    if part <= 0.0 or elapsed_s <= 0.0:
        return None
    return max(elapsed_s / min(part, 1.0) - elapsed_s, 0.0)
