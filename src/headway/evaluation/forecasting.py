"""How good forecasts of numbers are, beside others and against chance. Arrays are of one length and hold no NaN.

A measure over no rows at all is None: there is nothing to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headway.domain.errors import InvalidInput
from headway.evaluation.bootstrap import (
    Floats,
    Pulse,
    estimate_block_bars,
    percentile_interval,
    resample_means,
)
from headway.evaluation.trading import MIN_BARS, Interval


def rmse(forecast: Floats, actual: Floats) -> float | None:
    """Root of the mean squared error, in the unit of the values."""
    _require_pairs(forecast, actual)
    return float(np.sqrt(np.mean((forecast - actual) ** 2))) if forecast.size else None


def mae(forecast: Floats, actual: Floats) -> float | None:
    """Mean absolute error, in the unit of the values."""
    _require_pairs(forecast, actual)
    return float(np.mean(np.abs(forecast - actual))) if forecast.size else None


def directional_accuracy(forecast: Floats, actual: Floats) -> float | None:
    """Share of the rows that moved whose direction was forecast: forecast * actual > 0.

    Rows with an actual of 0 went nowhere and are left out. A forecast of 0 names no direction and counts as wrong. A
    coin would have 0.5.
    """
    hits = direction_hits(forecast, actual)
    return float(hits.mean()) if hits.size else None


def accuracy_by_row(forecast_rh: Floats, actual_rh: Floats) -> Floats:
    """Of each row that moved: its part in the directional accuracy of all, which is the mean of these. NaN of `actual`
    are not known.

    Rows have different counts of moves, so the accuracy is a ratio of sums; its linearisation around both means gives
    each row a number to resample (Cochran 1977, section 2.11).
    """
    _require_pairs(forecast_rh, actual_rh)
    moved_rh = np.isfinite(actual_rh) & (actual_rh != 0.0)
    right_r = ((forecast_rh * actual_rh > 0.0) & moved_rh).sum(axis=1)
    moved_r = moved_rh.sum(axis=1)
    right_r, moved_r = right_r[moved_r > 0], moved_r[moved_r > 0]
    if not moved_r.size:
        return np.empty(0)
    accuracy = right_r.sum() / moved_r.sum()
    return np.asarray(accuracy + (right_r - accuracy * moved_r) / moved_r.mean())


def direction_hits(forecast: Floats, actual: Floats) -> Floats:
    """1 or 0 for each row that moved: whether its direction was forecast."""
    _require_pairs(forecast, actual)
    moved = actual != 0.0
    return np.asarray(forecast[moved] * actual[moved] > 0.0, np.float64)


def pinball(forecast: Floats, actual: Floats, quantile: float) -> float | None:
    """Mean of max(q * e, (q - 1) * e) with e = actual - forecast: least at the quantile (Koenker and Bassett 1978)."""
    _require_pairs(forecast, actual)
    if not 0.0 < quantile < 1.0:
        raise InvalidInput("quantile", quantile, "above 0 and below 1")
    error = actual - forecast
    return float(np.mean(np.maximum(quantile * error, (quantile - 1.0) * error))) if error.size else None


def coverage(lower: Floats, upper: Floats, actual: Floats) -> float | None:
    """Share of the actual values within the interval, its bounds included. An interval of 80 % should have 0.8."""
    _require_pairs(lower, actual)
    _require_pairs(upper, actual)
    return float(np.mean((lower <= actual) & (actual <= upper))) if actual.size else None


def mean_width(lower: Floats, upper: Floats) -> float | None:
    """Mean width of the intervals: of two with equal coverage the narrower says more."""
    _require_pairs(lower, upper)
    return float(np.mean(upper - lower)) if lower.size else None


def mean_interval(
    values_r: Floats,
    *,
    seed: int,
    least_block: float = 1.0,
    level: float = 0.95,
    replications: int = 2_000,
    pulse: Pulse | None = None,
) -> Interval | None:
    """Percentile interval of the mean of rows in order of time, by the stationary bootstrap.

    Give the differences of two losses for a paired comparison. `least_block` is the mean length of the blocks at
    least: forecasts over h bars overlap, so their errors hang together over h rows. None with fewer than 30 rows, or
    where all are equal. `pulse` is called every few resamples and may raise.
    """
    if len(values_r) < MIN_BARS or not float(np.ptp(values_r)) > 0.0:
        return None
    block_bars = max(least_block, estimate_block_bars(values_r))
    means = resample_means(values_r, block_bars=block_bars, seed=seed, replications=replications, pulse=pulse)
    return percentile_interval(means, level)


def _require_pairs(a: NDArray[np.floating], b: NDArray[np.floating]) -> None:
    if a.shape != b.shape:
        raise InvalidInput("forecast", a.shape, f"of the same shape as the actual values: {b.shape}")
