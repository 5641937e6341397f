"""Limits of a run, and the pure rules that make and check them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headway.domain.errors import InvalidInput
from headway.domain.json import JsonObject

STEPS_PER_HOUR = 100_000  # the rule of the jobs API: 100,000 steps are taken as an hour
MIN_HOURS = 0.25

_RESERVED_FRACTION = 0.02  # of the hard limit: for preparation, evaluation and saving
_RESERVED_S = 60.0
_RESERVED_FRACTION_AT_MOST = 1 / 3  # a limit of a minute still leaves time to train


@dataclass(frozen=True)
class Limits:
    """What an attempt may use. None means no limit."""

    duration_s: float | None = None  # the engine ends by itself, with a result
    hard_duration_s: float | None = None  # the supervisor stops it: timed_out
    max_cost_usd: float | None = None
    usd_per_hour: float = 0.0
    memory_bytes: int | None = None
    grace_s: float = 20.0  # between asking and SIGKILL
    cpus: int = 1
    gpus: int = 0
    threads: int = 1

    def to_json(self) -> JsonObject:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: JsonObject) -> Limits:
        known: dict[str, Any] = dict(data)
        return cls(**known)

    @property
    def training_s(self) -> float | None:
        """Seconds that an engine may train: the planned ones, but so few that what comes before and after training
        fits under the hard limit. None for no limit."""
        if self.hard_duration_s is None:
            return self.duration_s
        latest_s = self.hard_duration_s - self.reserved_s
        return latest_s if self.duration_s is None else min(self.duration_s, latest_s)

    @property
    def reserved_s(self) -> float:
        """Seconds of the hard limit that are not for training; 0 without one."""
        hard_s = self.hard_duration_s or 0.0
        wanted_s = max(_RESERVED_FRACTION * hard_s, _RESERVED_S)
        return min(wanted_s, _RESERVED_FRACTION_AT_MOST * hard_s)

    @property
    def budget_s(self) -> float | None:
        """Seconds until the budget is spent at this executor's price; None when it cannot be."""
        if self.max_cost_usd is None or self.usd_per_hour <= 0.0:
            return None
        return self.max_cost_usd / self.usd_per_hour * 3600.0


def soonest_end_s(*, earlier_s: float, duration_s: float | None, attempt_s: float | None) -> float | None:
    """Seconds of training over all attempts after which it ends; None for no end by time.

    `duration_s` is for all attempts together, `attempt_s` for this one, which begins after `earlier_s`.
    """
    this_s = None if attempt_s is None else earlier_s + attempt_s
    return min((end_s for end_s in (duration_s, this_s) if end_s is not None), default=None)


def hours_from_steps(steps: int, *, ceiling_hours: float) -> float:
    """Hours derived from steps, clamped to [0.25, ceiling]: 1,000,000 steps are 10 hours."""
    return max(MIN_HOURS, min(ceiling_hours, steps / STEPS_PER_HOUR))


def require_hours(hours: float, *, ceiling_hours: float) -> float:
    """Explicit hours within [0.25, ceiling]; InvalidInput otherwise."""
    if not MIN_HOURS <= hours <= ceiling_hours:
        bound = f"between {MIN_HOURS:g} and {ceiling_hours:g} hours"
        raise InvalidInput(
            "durationHours", hours, bound, remedy="Give hours in that range, or raise maxDurationHours"
        )
    return hours


def estimate_cost_usd(hours: float, usd_per_hour: float) -> float:
    """What the hours cost at the executor's price. An estimate: it assumes all the hours are used."""
    return hours * usd_per_hour


def require_affordable(hours: float, *, usd_per_hour: float, max_cost_usd: float) -> None:
    """InvalidInput when the estimate is above the budget."""
    cost = estimate_cost_usd(hours, usd_per_hour)
    if cost > max_cost_usd:
        bound = f"{hours:g} hours at ${usd_per_hour:g} an hour are estimated at ${cost:.2f}"
        raise InvalidInput("maxCostUsd", max_cost_usd, bound, remedy="Raise maxCostUsd or shorten the run")
