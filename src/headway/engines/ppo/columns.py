"""The feature columns of each group. Every value uses its own bar and earlier ones; NaN where there are too few.

Each function gives {name: one value a bar}. Returns and distances are in units of recent volatility, so that a column
means the same for every symbol and year.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from headway.markets.candles import Candles, Floats
from headway.markets.estimators import (
    Columns,
    amihud_illiquidity,
    change_over,
    close_location,
    close_location_imbalance,
    corwin_schultz_spread,
    divide,
    garman_klass_volatility,
    parkinson_volatility,
    rolling_mean,
    rolling_std,
    rsi,
    z_score,
)

FAST, SLOW = 24, 168  # bars: a day and a week of hourly bars
HORIZONS = (1, 2, 4, 8, 24, 72, 168)  # bars of the returns

_DAY_S = 86_400
_WEEKDAY_OF_EPOCH = 3  # Thursday, counted from Monday


def price_columns(candles: Candles) -> Columns:
    """Returns, distance to moving averages, place in the range, RSI, and volatility against its longer self."""
    log_close = np.log(candles.close)
    moves = change_over(log_close, 1)
    volatility = rolling_std(moves, SLOW)
    columns = {
        f"return_{bars}": divide(change_over(log_close, bars), volatility * np.sqrt(bars))
        for bars in HORIZONS
    }
    for bars in (FAST, SLOW):
        distance = log_close - rolling_mean(log_close, bars)
        columns[f"distance_{bars}"] = divide(distance, volatility * np.sqrt(bars))
        columns[f"range_position_{bars}"] = _range_position(candles, bars)
    columns["rsi_14"] = rsi(candles.close, 14) / 50.0 - 1.0
    columns["volatility"] = volatility
    columns["volatility_ratio"] = divide(rolling_std(moves, FAST), volatility)
    return columns


def volume_columns(candles: Candles) -> Columns:
    """Volume against its own past, and which way the price went with it."""
    logged = np.log1p(candles.volume)
    long_mean = rolling_mean(candles.volume, SLOW)
    direction = np.sign(change_over(np.log(candles.close), 1))
    signed = direction * candles.volume
    return {
        f"volume_z_{FAST}": z_score(logged, FAST),
        f"volume_z_{SLOW}": z_score(logged, SLOW),
        "volume_ratio": divide(rolling_mean(candles.volume, FAST), long_mean),
        "signed_volume": divide(signed, long_mean),
        f"signed_volume_{FAST}": divide(rolling_mean(signed, FAST), long_mean),
    }


def measured_depth_columns(candles: Candles) -> Columns:
    """From the sizes at the best bid and ask: which side is heavier, and how much there is against the past."""
    bid_size, ask_size = _book(candles, "bid_size"), _book(candles, "ask_size")
    imbalance = divide(bid_size - ask_size, bid_size + ask_size)
    return {
        "book_imbalance": imbalance,
        f"book_imbalance_{FAST}": rolling_mean(imbalance, FAST),
        f"book_size_z_{SLOW}": z_score(np.log1p(bid_size + ask_size), SLOW),
    }


def estimated_depth_columns(candles: Candles) -> Columns:
    """From bars: price impact (Amihud) against its longer self, and pressure from where bars close (Chaikin)."""
    fast = amihud_illiquidity(candles.close, candles.volume, FAST, log_scaled=True)
    slow = amihud_illiquidity(candles.close, candles.volume, SLOW, log_scaled=True)
    bars = (candles.high, candles.low, candles.close, candles.volume)
    return {
        "impact_ratio": _known(fast - slow, warm_up=SLOW),
        f"pressure_{FAST}": close_location_imbalance(*bars, FAST),
        f"pressure_{SLOW}": close_location_imbalance(*bars, SLOW),
    }


def measured_microstructure_columns(candles: Candles) -> Columns:
    """From the best bid and ask: the spread, its mean, and where the last trade lies between them."""
    bid, ask = _book(candles, "bid"), _book(candles, "ask")
    middle = 0.5 * (bid + ask)
    spread = (ask - bid) / middle
    return {
        "spread": spread,
        f"spread_{FAST}": rolling_mean(spread, FAST),
        "close_in_spread": divide(candles.close - middle, ask - bid),
    }


def estimated_microstructure_columns(candles: Candles) -> Columns:
    """From bars: spread (Corwin and Schultz), range volatilities against that of closes, where the bar closed."""
    moves = rolling_std(change_over(np.log(candles.close), 1), SLOW)
    spread = corwin_schultz_spread(candles.high, candles.low, candles.close)
    parkinson = parkinson_volatility(candles.high, candles.low, FAST)
    garman_klass = garman_klass_volatility(candles.open, candles.high, candles.low, candles.close, FAST)
    return {
        f"spread_{FAST}": rolling_mean(spread, FAST),
        f"spread_{SLOW}": rolling_mean(spread, SLOW),
        f"parkinson_{FAST}": divide(parkinson, moves),
        f"garman_klass_{FAST}": divide(garman_klass, moves),
        "close_location": close_location(candles.high, candles.low, candles.close),
    }


def calendar_columns(candles: Candles) -> Columns:
    """Hour and weekday (UTC) of the close as points on a circle."""
    hour = 2.0 * np.pi * (candles.at_s % _DAY_S) / _DAY_S
    weekday = 2.0 * np.pi * ((candles.at_s // _DAY_S + _WEEKDAY_OF_EPOCH) % 7) / 7.0
    return {
        "hour_sin": np.sin(hour),
        "hour_cos": np.cos(hour),
        "weekday_sin": np.sin(weekday),
        "weekday_cos": np.cos(weekday),
    }


MEASURED: dict[str, tuple[frozenset[str], Callable[[Candles], Columns]]] = {
    "depth": (frozenset({"bid_size", "ask_size"}), measured_depth_columns),
    "microstructure": (frozenset({"bid", "ask"}), measured_microstructure_columns),
}
"""Groups that an order book can measure: the columns of the book that it takes, and how."""

FROM_BARS: dict[str, Callable[[Candles], Columns]] = {
    "price": price_columns,
    "volume": volume_columns,
    "depth": estimated_depth_columns,
    "microstructure": estimated_microstructure_columns,
    "calendar": calendar_columns,
}


def _range_position(candles: Candles, bars: int) -> Floats:
    """Where the close is between the lowest low (-1) and the highest high (1) of the last bars."""
    position = np.full(len(candles), np.nan)
    if len(candles) >= bars:
        low = sliding_window_view(candles.low, bars).min(axis=1)
        high = sliding_window_view(candles.high, bars).max(axis=1)
        position[bars - 1 :] = divide(2.0 * candles.close[bars - 1 :] - high - low, high - low)
    return position


def _known(values: Floats, *, warm_up: int) -> Floats:
    """0 where there is no value after the warm-up: windows in which nothing was traded."""
    later = np.arange(len(values)) >= warm_up
    return np.where(later & np.isnan(values), 0.0, values)


def _book(candles: Candles, name: str) -> Floats:
    return (candles.book or {})[name]
