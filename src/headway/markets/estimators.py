"""Causal estimators from bars: each value uses only its own row and earlier ones; NaN where there are too few.

All take float64 arrays with one value a bar and give one of the same length. A window is a count of bars, the newest
being the bar itself; ValueError when it is below 1. NaN in a window makes the value NaN unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from headway.markets.candles import Floats

Columns = dict[str, Floats]  # name -> one value a bar

_CHUNK_BARS = 4096  # windows looked at together: bounds the memory of a standard deviation over long series
_EVEN_SPREAD = 1e-12  # a spread this small beside the mean is rounding: the window is constant
_LOG_FLOOR = 1e-18  # 1 / quote currency; stands for no price impact at all
_CS_SCALE = 3.0 - 2.0 * np.sqrt(2.0)


def change_over(values: Floats, bars: int) -> Floats:
    """The value less that of so many bars before."""
    change = np.full(len(values), np.nan)
    change[bars:] = values[bars:] - values[:-bars]
    return change


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The ratio; 0 where the denominator is 0 (nothing moved, nothing was traded), NaN where either is."""
    known = ~(np.isnan(numerator) | np.isnan(denominator))
    ratio = np.where(known, 0.0, np.nan)
    np.divide(numerator, denominator, out=ratio, where=known & (np.abs(denominator) > 1e-12))
    return ratio


def rolling_mean(values: Floats, window: int) -> Floats:
    """Mean of the last `window` values."""
    return _rolling(values, window, np.mean)


def rolling_std(values: Floats, window: int) -> Floats:
    """Standard deviation (of the population) of the last `window` values, in two passes: no cancellation."""
    return _rolling(values, window, np.std)


def z_score(values: Floats, window: int) -> Floats:
    """How many standard deviations of the last `window` values a value is from their mean; 0 if all are equal."""
    mean, spread = rolling_mean(values, window), rolling_std(values, window)
    constant = spread <= _EVEN_SPREAD * np.abs(mean)
    score = (values - mean) / np.where(constant, 1.0, spread)
    return np.where(constant, 0.0, score)


def corwin_schultz_spread(high: Floats, low: Floats, close: Floats) -> Floats:
    """Bid-ask spread as a fraction of the price, from two bars.

    Corwin and Schultz, "A simple way to estimate bid-ask spreads from daily high and low prices", Journal of Finance
    67 (2012), equations 14 and 18. With their overnight adjustment: where a bar lies wholly above or below the close
    before it, it is moved by that jump, so that the jump does not count as range. Negative estimates are 0, as in
    the paper. The estimate is noisy: average it with `rolling_mean`. Row 0 is NaN.
    """
    before = close[:-1]
    jump = np.maximum(low[1:] - before, 0.0) + np.minimum(high[1:] - before, 0.0)
    high_t, low_t = high[1:] - jump, low[1:] - jump
    beta = np.log(high[:-1] / low[:-1]) ** 2 + np.log(high_t / low_t) ** 2
    gamma = np.log(np.maximum(high[:-1], high_t) / np.minimum(low[:-1], low_t)) ** 2
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / _CS_SCALE - np.sqrt(gamma / _CS_SCALE)
    spread = np.full(len(close), np.nan)
    spread[1:] = np.maximum(2.0 * np.expm1(alpha) / (1.0 + np.exp(alpha)), 0.0)
    return spread


def amihud_illiquidity(close: Floats, volume: Floats, window: int, *, log_scaled: bool = False) -> Floats:
    """Price impact: mean of |simple return| / (close * volume) over the window, per unit of quote currency.

    Amihud, "Illiquidity and stock returns", Journal of Financial Markets 5 (2002). Bars without volume have no ratio
    and are left out of the mean, as days without trade are in the paper; NaN when no bar of the window has one.
    `log_scaled` gives the natural logarithm of the mean, floored at ln(1e-18). The first `window` rows are NaN.
    """
    traded = close * volume
    ratio = np.full(len(close), np.nan)
    moved = np.abs(np.diff(close) / close[:-1])
    np.divide(moved, traded[1:], out=ratio[1:], where=traded[1:] > 0)
    known = np.isfinite(ratio)
    share = rolling_mean(known.astype(np.float64), window)
    total = rolling_mean(np.where(known, ratio, 0.0), window)
    mean = np.full(len(close), np.nan)
    np.divide(total, share, out=mean, where=share > 0)
    mean[:window] = np.nan
    return np.log(np.maximum(mean, _LOG_FLOOR)) if log_scaled else mean


def close_location(high: Floats, low: Floats, close: Floats) -> Floats:
    """Where the bar closed in its range: -1 at the low, 1 at the high, 0 when there is no range.

    The "close location value" of Chaikin's accumulation/distribution line.
    """
    height = high - low
    flat = height <= 0
    return np.where(flat, 0.0, 2.0 * (close - low) / np.where(flat, 1.0, height) - 1.0)


def close_location_imbalance(high: Floats, low: Floats, close: Floats, volume: Floats, window: int) -> Floats:
    """Buying less selling pressure from -1 to 1: close location weighted by volume; 0 when nothing was traded.

    Chaikin's money flow (Chaikin, 1980s; as in Murphy, "Technical Analysis of the Financial Markets", 1999). An
    estimate from bars, not a measurement of orders.
    """
    pushed = rolling_mean(close_location(high, low, close) * volume, window)
    traded = rolling_mean(volume, window)
    silent = traded <= 0
    return np.where(silent, 0.0, pushed / np.where(silent, 1.0, traded))


def parkinson_volatility(high: Floats, low: Floats, window: int) -> Floats:
    """Volatility per bar (not annualised) from the range.

    Parkinson, "The extreme value method for estimating the variance of the rate of return", Journal of Business 53
    (1980).
    """
    volatility: Floats = np.sqrt(rolling_mean(np.log(high / low) ** 2, window) / (4.0 * np.log(2.0)))
    return volatility


def garman_klass_volatility(open_: Floats, high: Floats, low: Floats, close: Floats, window: int) -> Floats:
    """Volatility per bar (not annualised) from range and body.

    Garman and Klass, "On the estimation of security price volatilities from historical data", Journal of Business 53
    (1980), the practical estimator 0.5 ln(H/L)^2 - (2 ln 2 - 1) ln(C/O)^2. Never negative for a whole bar.
    """
    body = (2.0 * np.log(2.0) - 1.0) * np.log(close / open_) ** 2
    variance = 0.5 * np.log(high / low) ** 2 - body
    volatility: Floats = np.sqrt(rolling_mean(variance, window))
    return volatility


def rsi(close: Floats, window: int = 14) -> Floats:
    """Relative strength index, 0 to 100; 100 without losses, 50 when nothing moved.

    Wilder, "New Concepts in Technical Trading Systems" (1978): the first averages are plain means of `window`
    changes, later ones average = (before * (window - 1) + now) / window. The first `window` rows are NaN.
    """
    _require_window(window)
    index = np.full(len(close), np.nan)
    if len(close) <= window:
        return index
    changes = np.diff(close)
    gains = _wilder(np.maximum(changes, 0.0), window)
    losses = _wilder(np.maximum(-changes, 0.0), window)
    moved = gains + losses
    still = moved <= 0
    index[window:] = np.where(still, 50.0, 100.0 * gains / np.where(still, 1.0, moved))
    return index


def _wilder(changes: Floats, window: int) -> Floats:
    seeded = np.concatenate([[changes[:window].mean()], changes[window:]])
    return pl.Series(seeded).ewm_mean(alpha=1.0 / window, adjust=False).to_numpy()


def _rolling(values: Floats, window: int, reduce: Callable[..., Floats]) -> Floats:
    _require_window(window)
    result = np.full(len(values), np.nan)
    if len(values) < window:
        return result
    windows = sliding_window_view(values, window)
    for first in range(0, len(windows), _CHUNK_BARS):
        chunk = windows[first : first + _CHUNK_BARS]
        result[window - 1 + first : window - 1 + first + len(chunk)] = reduce(chunk, axis=1)
    return result


def _require_window(window: int) -> None:
    if window < 1:
        raise ValueError(f"window = {window}: at least 1 bar")
