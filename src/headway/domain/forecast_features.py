"""How many columns each group of features has, and how many bars pass before it has a value: for estimates.

The columns themselves are made in `engines/forecast`; a test holds this table equal to what is made there.
"""

from __future__ import annotations

from typing import NamedTuple

from headway.domain.trading import TIMEFRAMES_S


class Group(NamedTuple):
    columns: int
    warmup_bars: int


PRICE = Group(9, 20)
INDICATOR_GROUPS = {
    "RSI": Group(2, 21),
    "MACD": Group(3, 33),
    "ATR": Group(2, 21),
    "BB": Group(2, 19),
    "EMA": Group(5, 199),
    "SMA": Group(3, 199),
    "OBV": Group(2, 60),
    "STOCHASTIC": Group(2, 17),
    "CCI": Group(1, 19),
    "ADX": Group(2, 27),
    "DONCHIAN": Group(2, 19),
    "MFI": Group(1, 14),
    "VWAP": Group(1, 19),
    "CUMULATIVE_RETURNS": Group(3, 120),
    "ZSCORE": Group(1, 99),
    "MEAN_GAP": Group(3, 199),
    "REALISED_VOLATILITY": Group(4, 120),
    "PARKINSON": Group(1, 19),
    "GARMAN_KLASS": Group(1, 19),
    "VOLUME_ZSCORE": Group(1, 19),
    "VOLUME_DELTA": Group(2, 19),
}


def count_columns(timeframe: str, indicators: tuple[str, ...], *, calendar: bool) -> int:
    """Columns of a timeframe: price, indicators, and the calendar as far as it varies there."""
    columns = PRICE.columns + sum(INDICATOR_GROUPS[name].columns for name in indicators)
    return columns + (_calendar_columns(timeframe) if calendar else 0)


def warmup_bars(indicators: tuple[str, ...]) -> int:
    """Bars before the first one with every feature."""
    return max(PRICE.warmup_bars, *(INDICATOR_GROUPS[name].warmup_bars for name in indicators), 0)


def _calendar_columns(timeframe: str) -> int:
    """Month 2; below a week the weekday 3; below a day the hour 2 and three sessions."""
    size_s = TIMEFRAMES_S[timeframe]
    return 2 + (3 if size_s < TIMEFRAMES_S["1w"] else 0) + (5 if size_s < TIMEFRAMES_S["1d"] else 0)
