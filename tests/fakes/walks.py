"""Candles for tests: a random walk, whole and without gaps."""

from __future__ import annotations

import numpy as np

from headway.domain.manifest import DataSource
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.candles import Candles, describe_span


def walk_candles(
    bars: int = 2_000, timeframe: str = "1h", *, seed: int = 1, volatility: float = 0.01
) -> Candles:
    """Bars from the beginning of a week on, with a little of everything: wicks, volume, up and down."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.standard_normal(bars) * volatility))
    before = np.append(100.0, close[:-1])
    size_s = TIMEFRAMES_S[timeframe]
    begin_s = 1_600_041_600  # Monday, 2020-09-14
    at_s = begin_s + size_s * np.arange(1, bars + 1, dtype=np.int64)
    rows, first, last = describe_span(at_s)
    return Candles(
        symbol="BTC",
        timeframe=timeframe,
        at_s=at_s,
        open=before,
        high=np.maximum(before, close) * (1.0 + 0.4 * volatility * draw.random(bars)),
        low=np.minimum(before, close) * (1.0 - 0.4 * volatility * draw.random(bars)),
        close=close,
        volume=draw.random(bars) * 1_000.0,
        book=None,
        source=DataSource(f"BTCUSDT_{timeframe}.csv", "file", "ab" * 32, rows, first, last),
    )


def without_rows(candles: Candles, first: int, end: int) -> Candles:
    """The candles with a gap."""
    kept = np.r_[0:first, end : len(candles)]
    return candles.evolve(**{name: values[kept] for name, values in candles.columns()})
