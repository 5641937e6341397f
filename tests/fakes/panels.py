"""Panels for tests, made without candles: a wave with noise, of which the future is known."""

from __future__ import annotations

import numpy as np

from headway.domain.manifest import DataSource
from headway.engines.forecast.panel import FLAT, MASKED, Panel

_HOUR_S = 3_600


def wave_panel(
    bars: int = 1_200,
    *,
    context: int = 16,
    horizon: int = 2,
    period: float = 24.0,
    coarse: int | None = 4,
    noise: float = 0.0,
    seed: int = 0,
) -> Panel:
    """Log prices on a sine of that period; `coarse` bars make one of the second timeframe (None: only one).

    Two columns: the return of the bar, and where the price is. The last `horizon` rows have no full future.
    """
    random = np.random.default_rng(seed)
    level = 0.05 * np.sin(2 * np.pi * np.arange(bars) / period) + noise * random.standard_normal(bars)
    returns = np.diff(level, prepend=level[0])
    scale = float(returns.std())
    path = np.full((bars, horizon), np.nan, np.float32)
    for ahead in range(1, horizon + 1):
        path[:-ahead, ahead - 1] = (level[ahead:] - level[:-ahead]) / scale
    trend = np.where(np.isnan(path[:, -1]), MASKED, np.sign(path[:, -1]) + FLAT).astype(np.int8)
    streams = {"1h": np.stack((returns / scale, level / level.std()), axis=1).astype(np.float32)}
    last_bar = {"1h": np.arange(bars)}
    if coarse is not None:
        closed = np.arange(coarse - 1, bars, coarse)
        streams["4h"] = np.ascontiguousarray(streams["1h"][closed])
        last_bar["4h"] = np.maximum((np.arange(bars) + 1) // coarse - 1, 0)
    first = context * (coarse or 1)
    cuts = np.split(np.arange(first, bars - horizon), [int(0.7 * bars) - first, int(0.85 * bars) - first])
    return Panel(
        timeframes=tuple(streams),
        at_s=np.arange(bars, dtype=np.int64) * _HOUR_S,
        close=100.0 * np.exp(level),
        streams=streams,
        last_bar=last_bar,
        feature_names=dict.fromkeys(streams, ("return", "level")),
        path_target=path,
        target_scale=scale,
        short_target=trend,
        long_target=trend.copy(),
        windows={
            "train": cuts[0][: -horizon or None],
            "validation": cuts[1][: -horizon or None],
            "test": cuts[2],
        },
        context_bars=dict.fromkeys(streams, context),
        data_source=DataSource("wave", "simulated", "0" * 64, bars, "", "", "simulated wave"),
    )
