"""The stationary bootstrap of means and Sharpe ratios, vectorised: thousands of resamples without writing one out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from arch.bootstrap import optimal_block_length
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pulse = Callable[[], None]
"""Called now and then by what takes long; it may raise."""

_CHUNK_BARS = 250_000  # resampled at once: at most 40 MB, whatever the number of resamples
_DEFINED_SHARE = 0.99  # of the resamples must have a value
_STILL_FRACTION = 1e-10  # of the variance of all bars: less is nothing but rounding


def estimate_block_bars(values_r: Floats) -> float:
    """Mean block length for the stationary bootstrap of a mean, at least 1.

    Politis and White (2004) as corrected by Patton, Politis and White (2009). Where a series gives no estimate
    (hardly anything in it moves), the cube root of its length.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(optimal_block_length(values_r)["stationary"].iloc[0])
    return max(1.0, found if np.isfinite(found) else len(values_r) ** (1.0 / 3.0))


def resample_sharpes(returns_rk: Floats, *, block_bars: float, seed: int, replications: int) -> Floats:
    """Sharpe ratios per bar of each column in each resample, (replications, columns); NaN where nothing moves.

    Politis and Romano (1994): at each bar a new block begins with chance 1 / block_bars, at a random bar; otherwise
    the next bar follows, the first after the last. All columns are resampled at the same bars. The moments of a
    resample are sums over its blocks, and those are differences of cumulative sums.
    """
    bars, columns = returns_rk.shape
    mean_k = returns_rk.mean(axis=0)
    centred_rk = returns_rk - mean_k
    moments_rm = np.concatenate([centred_rk, centred_rk**2], axis=1)
    means_bm = _mean_resamples(moments_rm, block_bars, seed, replications)
    shift_bk = means_bm[:, :columns]
    variance_bk = (means_bm[:, columns:] - shift_bk**2) * (bars / (bars - 1))
    moving_bk = variance_bk > _STILL_FRACTION * returns_rk.var(axis=0)
    return np.asarray((mean_k + shift_bk) / np.sqrt(np.where(moving_bk, variance_bk, np.nan)))


def resample_means(
    values_r: Floats, *, block_bars: float, seed: int, replications: int, pulse: Pulse | None = None
) -> Floats:
    """The mean of each resample, made as in `resample_sharpes`. `pulse` is called every few resamples."""
    mean = values_r.mean()
    centred = (values_r - mean)[:, None]
    return np.asarray(mean + _mean_resamples(centred, block_bars, seed, replications, pulse)[:, 0])


def percentile_interval(values: Floats, level: float) -> tuple[float, float] | None:
    """The middle part of the resamples; None where too few of them have a value."""
    defined = values[np.isfinite(values)]
    if len(defined) < _DEFINED_SHARE * len(values):
        return None
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _mean_resamples(
    moments_rm: Floats, block_bars: float, seed: int, replications: int, pulse: Pulse | None = None
) -> Floats:
    """Mean of each moment over each resample, (replications, moments)."""
    bars, moments = moments_rm.shape
    twice_rm = np.tile(moments_rm, (2, 1))
    totals_rm = np.concatenate([np.zeros((1, moments)), np.cumsum(twice_rm, axis=0)])
    generator = np.random.default_rng(seed)
    at_once = max(1, _CHUNK_BARS // bars)
    chunks = []
    for done in range(0, replications, at_once):
        if pulse is not None:
            pulse()
        count = min(at_once, replications - done)
        chunks.append(_sum_resamples(totals_rm, count, 1.0 / block_bars, generator) / bars)
    return np.concatenate(chunks)


def _sum_resamples(totals_rm: Floats, count: int, chance: float, generator: np.random.Generator) -> Floats:
    """Sums of each moment (m) over each of `count` resamples; totals are cumulative, over the bars twice."""
    bars = len(totals_rm) // 2
    begins = generator.random(count * bars, dtype=np.float32) < chance
    begins[::bars] = True
    at = np.flatnonzero(begins)
    lengths = np.diff(at, append=count * bars)
    starts = generator.integers(0, bars, len(at))
    sums_bm = totals_rm[starts + lengths] - totals_rm[starts]
    return np.asarray(np.add.reduceat(sums_bm, np.searchsorted(at, np.arange(0, count * bars, bars)), axis=0))
