"""Percentiles of durations that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of all values do not exceed (nearest rank).

    Raises ValueError when there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]


def p50(values: Sequence[float]) -> float:
    return percentile(values, 0.50)


def p95(values: Sequence[float]) -> float:
    return percentile(values, 0.95)


def p99(values: Sequence[float]) -> float:
    return percentile(values, 0.99)
