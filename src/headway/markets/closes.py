"""Closing prices of a file or of packaged candles, thinned for a chart. What cannot be read is left out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from headway.domain.coverage import Closes
from headway.domain.errors import DataError
from headway.markets.catalog import get_holding
from headway.markets.packaged import load_packaged
from headway.markets.table import UNREAD_TIME, read_table

_US_PER_S = 1_000_000


def read_closes(path: Path, points: int) -> Closes:
    """Prices of a file by the times as written. DataError when it is no table or has no times and closes."""
    table = read_table(path)
    absent = {"timestamp", "close"} & set(table.missing)
    if absent:
        raise DataError(f"{path.name} has no column {', '.join(sorted(absent))}: there is nothing to draw")
    times_us, closes = table.times_us(), table.numbers("close")
    sound = (times_us != UNREAD_TIME) & np.isfinite(closes)
    order = np.argsort(times_us[sound], kind="stable")
    return _thin((times_us[sound] // _US_PER_S)[order], closes[sound][order], points)


def read_packaged_closes(candles_dir: Path, symbol: str, timeframe: str, points: int) -> Closes:
    """Prices of packaged candles; DataError when there are none."""
    candles = load_packaged(get_holding(candles_dir, symbol, timeframe))
    return _thin(candles.at_s, candles.close, points)


def _thin(times_s: np.ndarray, closes: np.ndarray, points: int) -> Closes:
    """At most `points`: the lowest and the highest of each bucket, in the order in which they were."""
    rows = len(times_s)
    if rows > points:
        edges = np.linspace(0, rows, points // 2 + 1, dtype=int)
        kept = {
            int(begin + pick(closes[begin:end]))
            for begin, end in pairwise(edges)
            for pick in (np.argmin, np.argmax)
        }
        chosen = np.array(sorted(kept))
        times_s, closes = times_s[chosen], closes[chosen]
    return Closes(
        times_s=tuple(int(at) for at in times_s), closes=tuple(float(close) for close in closes), rows=rows
    )
