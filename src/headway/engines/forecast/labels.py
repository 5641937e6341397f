"""What is forecast: the path of the next bars and two trends. A row without its full future has no label."""

from __future__ import annotations

import numpy as np

from headway.engines.forecast.panel import DOWN, FLAT, MASKED, UP, Classes, Floats, Rows

LATE_BARS = 5  # a bar that a gap puts off by more base bars than this is no future of the row before it


def path_returns(at_s: Rows, close: Floats, bars: int, bar_s: int) -> Floats:
    """[rows, bars] of log(close[r + h] / close[r]), h = 1..bars.

    NaN where the data end before, and from a gap on that puts a bar of the path off by more than LATE_BARS bars. Each
    gap counts by itself: the weekends within a path of daily bars do not add up.
    """
    rows = len(close)
    paths = np.full((rows, bars), np.nan)
    log_close = np.log(close)
    is_late = np.diff(at_s, prepend=at_s[:1]) > (1 + LATE_BARS) * bar_s
    gaps = np.cumsum(is_late)
    for h in range(1, min(bars, rows - 1) + 1):
        moved = log_close[h:] - log_close[:-h]
        paths[: rows - h, h - 1] = np.where(gaps[h:] == gaps[:-h], moved, np.nan)
    return paths


def trend_classes(at_s: Rows, close: Floats, horizon_s: int, bar_s: int, epsilon: float) -> Classes:
    """DOWN, FLAT or UP of the log return to the first bar that closes at or after `at_s + horizon_s`.

    FLAT from -epsilon to +epsilon. MASKED where the data end before, or a gap puts that bar off by more than LATE_BARS
    bars.
    """
    goal_s = at_s + horizon_s
    target = np.searchsorted(at_s, goal_s)
    there = target < len(at_s)
    target = np.where(there, target, 0)
    there &= at_s[target] - goal_s <= LATE_BARS * bar_s
    moved = np.log(close[target] / close)
    classes = np.select([moved > epsilon, moved < -epsilon], [UP, DOWN], default=FLAT)
    return np.where(there, classes, MASKED).astype(np.int8)
