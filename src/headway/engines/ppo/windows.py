"""Train, validation and test: three stretches of time, the same for every symbol, in this order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway.domain.errors import DataError
from headway.engines.ppo.market import Market
from headway.engines.ppo.report import Window
from headway.markets.candles import show_at

SHARES = (0.70, 0.15, 0.15)
PURGE_BARS = 1  # what a row is judged by reaches one bar ahead: to its next close
MIN_WINDOW_BARS = 30  # of one symbol at least; fewer give no interval


@dataclass(frozen=True)
class Windows:
    """The market cut by time. Between two windows PURGE_BARS bars belong to neither."""

    train: Market
    validation: Market
    test: Market

    def describe(self) -> tuple[Window, ...]:
        """Name, first and last close, and bars of all symbols together."""
        named = (("train", self.train), ("validation", self.validation), ("test", self.test))
        return tuple(
            Window(name, show_at(int(m.at_s_r.min())), show_at(int(m.at_s_r.max())), len(m))
            for name, m in named
        )


def split(market: Market, bar_s: int) -> Windows:
    """Cut at 70 % and 85 % of the times. DataError when a window has too few bars of every symbol.

    Every row of a window has its next close within the window: no return is earned across a cut.
    """
    times = np.unique(market.at_s_r)
    first, end = int(times[0]), int(times[-1]) + 1
    cuts = [int(times[int(share * (len(times) - 1))]) for share in np.cumsum(SHARES[:-1]).tolist()]
    gap_s = PURGE_BARS * bar_s
    windows = Windows(
        train=market.cut(first, cuts[0]),
        validation=market.cut(cuts[0] + gap_s, cuts[1]),
        test=market.cut(cuts[1] + gap_s, end),
    )
    for name in ("train", "validation", "test"):
        _require_bars(name, getattr(windows, name))
    return windows


def _require_bars(name: str, window: Market) -> None:
    longest = max(high - low for _, low, high in window.segments)
    if longest < MIN_WINDOW_BARS:
        raise DataError(
            f"the {name} window has {longest} bars of the symbol with the most; at least {MIN_WINDOW_BARS} are "
            "needed: give more candles or a finer timeframe"
        )
