"""Measured numbers of a run, as they come: one point a name and step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

_LOWER = ("loss", "rmse", "mae", "mse", "brier", "ece", "drawdown_fraction")
_HIGHER = (
    *("sharpe", "return_fraction", "win_rate_fraction", "skill", "auroc", "accuracy", "per_s"),
    *("reward_mean", "growth"),
)
_NEITHER = ("policy_loss", "entropy_loss")  # are called so, and tell nothing of how good it is
_HIGHER_ALONE = ("da", "f1", "mcc", "improvement_percent")
_MOST_NAMES = 1024


@dataclass(frozen=True)
class MetricPoint:
    """One number; `name` is `group/name` (`train/loss`), `value` is finite."""

    name: str
    step: int
    value: float
    at: datetime


@dataclass(frozen=True)
class Bucket:
    """A stretch of a series for a chart: its extremes and where they are, and how many points it stands for."""

    first_step: int
    last_step: int
    count: int
    min_step: int
    min_value: float
    max_step: int
    max_value: float


@lru_cache(_MOST_NAMES)
def better(name: str) -> int:
    """-1 where a lower number is better, 1 where a higher one is, 0 where that is not known."""
    base = name.rpartition("/")[2].removeprefix("test_").removeprefix("val_").removeprefix("best_")
    if base.startswith("buy_hold") or base in _NEITHER:
        return 0
    if base.endswith(_LOWER):
        return -1
    return 1 if base in _HIGHER_ALONE or base.endswith(_HIGHER) else 0
