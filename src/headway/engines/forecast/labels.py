"""What is forecast: the path of the next bars and two trends. A row without its full future has no label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headway.domain.trading import TIMEFRAMES_S
from headway.engines.forecast.panel import DOWN, FLAT, MASKED, UP, Classes, Floats, Rows

LATE_BARS = 5  # a bar that a gap puts off by more base bars than this is no future of the row before it

_WEEK_S = TIMEFRAMES_S["1w"]
_WEEKS_TO_TELL = 4  # fewer do not tell a closure from a gap
_SELDOM = 0.1  # of the most frequent bar of the week: below this share a bar is out of hours


def open_time(at_s: Rows, bar_s: int) -> Callable[[Rows], Rows]:
    """A clock of seconds that stands still while the market of some bars is closed: at night, at weekends.

    Closed are the bars of the week that are hardly ever there; a holiday is a gap, for other weeks have its bars.
    """
    slots = _WEEK_S // bar_s
    counts = np.bincount((at_s // bar_s - 1) % slots, minlength=slots)
    most = int(counts.max(initial=0))
    is_open = counts > _SELDOM * most if most >= _WEEKS_TO_TELL else np.ones(slots, np.bool_)
    opened = np.concatenate(([0], np.cumsum(is_open)))

    def tell(moments_s: Rows) -> Rows:
        weeks, slot = np.divmod(moments_s // bar_s, slots)
        open_s: Rows = (weeks * opened[-1] + opened[slot]) * bar_s + is_open[slot] * (moments_s % bar_s)
        return open_s

    return tell


def path_returns(at_s: Rows, close: Floats, bars: int, bar_s: int) -> Floats:
    """[rows, bars] of log(close[r + h] / close[r]), h = 1..bars.

    NaN where the data end before, and from a gap on that puts a bar of the path off by more than LATE_BARS bars of
    open time. Each gap counts by itself: the weekends within a path of daily bars do not add up.
    """
    rows = len(close)
    paths = np.full((rows, bars), np.nan)
    log_close = np.log(close)
    open_s = open_time(at_s, bar_s)(at_s)
    is_late = np.diff(open_s, prepend=open_s[:1]) > (1 + LATE_BARS) * bar_s
    gaps = np.cumsum(is_late)
    for h in range(1, min(bars, rows - 1) + 1):
        moved = log_close[h:] - log_close[:-h]
        paths[: rows - h, h - 1] = np.where(gaps[h:] == gaps[:-h], moved, np.nan)
    return paths


def trend_classes(at_s: Rows, close: Floats, horizon_s: int, bar_s: int, epsilon: float) -> Classes:
    """DOWN, FLAT or UP of the log return to the first bar that closes at or after `at_s + horizon_s`.

    FLAT from -epsilon to +epsilon. MASKED where the data end before, or a gap puts that bar off by more than LATE_BARS
    bars of open time.
    """
    clock = open_time(at_s, bar_s)
    goal_s = at_s + horizon_s
    target = np.searchsorted(at_s, goal_s)
    there = target < len(at_s)
    target = np.where(there, target, 0)
    there &= clock(at_s[target]) - clock(goal_s) <= LATE_BARS * bar_s
    moved = np.log(close[target] / close)
    classes = np.select([moved > epsilon, moved < -epsilon], [UP, DOWN], default=FLAT)
    return np.where(there, classes, MASKED).astype(np.int8)
