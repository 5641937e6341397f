"""Measured numbers of a run, as they come: one point a name and step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
