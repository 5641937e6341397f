"""The feature columns of each group. Every value uses its own bar and earlier ones; NaN where there are too few.

Each function gives {name: one value a bar}, free of scale: relative to the price, to the volume or to their own past,
so that a column means the same for every symbol and year. Indicators are TA-Lib's, which give NaN in their warm-up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import talib

from headway.domain.trading import TIMEFRAMES_S
from headway.markets.candles import Candles, Floats
from headway.markets.estimators import (
    Columns,
    change_over,
    divide,
    garman_klass_volatility,
    parkinson_volatility,
    rolling_mean,
    rolling_std,
    z_score,
)

RETURN_BARS = (1, 2, 3, 5, 10, 20)
CUMULATIVE_BARS = (40, 60, 120)  # shorter ones are among the returns, which are always there
EMA_BARS = (9, 21, 50, 100, 200)
SMA_BARS = (20, 50, 200)
RSI_BARS = ATR_BARS = (14, 21)
VOLATILITY_BARS = (20, 60, 120)
RATIO_BARS = (10, 50)
DAY = 20  # bars of the windows that the sources give one length only

_DAY_S, _WEEK_S = TIMEFRAMES_S["1d"], TIMEFRAMES_S["1w"]
_WEEKDAY_OF_EPOCH = 3  # Thursday, counted from Monday
_SESSIONS_UTC = {
    "asia": (0, 8),
    "europe": (7, 16),
    "america": (13, 22),
}  # hours, first and the one after the last


def price_columns(candles: Candles) -> Columns:
    """Log returns, and the shape of the bar relative to its close."""
    log_close = np.log(candles.close)
    columns = {f"return_{bars}": change_over(log_close, bars) for bars in RETURN_BARS}
    columns["body"] = np.log(candles.close / candles.open)
    columns["upper_wick"] = np.log(candles.high / np.maximum(candles.open, candles.close))
    columns["lower_wick"] = np.log(np.minimum(candles.open, candles.close) / candles.low)
    return columns


def calendar_columns(candles: Candles) -> Columns:
    """When the bar closed (UTC), which is when the next begins: points on circles, and flags.

    Columns that a timeframe makes constant are left out: the hour of daily bars, the weekday of weekly ones.
    """
    at_s = candles.at_s
    columns: Columns = {}
    if candles.bar_s < _DAY_S:
        columns |= _circle("hour", at_s % _DAY_S / _DAY_S)
        hour = at_s % _DAY_S // 3_600
        for name, (first, end) in _SESSIONS_UTC.items():
            columns[f"session_{name}"] = ((hour >= first) & (hour < end)).astype(np.float64)
    if candles.bar_s < _WEEK_S:
        weekday = (at_s // _DAY_S + _WEEKDAY_OF_EPOCH) % 7
        columns |= _circle("weekday", weekday / 7.0)
        columns["weekend"] = (weekday >= 5).astype(np.float64)
    months = at_s.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
    return columns | _circle("month", months / 12.0)


def rsi_columns(candles: Candles) -> Columns:
    """Relative strength index (Wilder 1978), -1 to 1."""
    return {f"rsi_{bars}": talib.RSI(candles.close, bars) / 50.0 - 1.0 for bars in RSI_BARS}


def macd_columns(candles: Candles) -> Columns:
    """Moving average convergence and divergence 12/26/9 (Appel), relative to the close."""
    line, signal, histogram = talib.MACD(candles.close, 12, 26, 9)
    return {
        "macd": line / candles.close,
        "macd_signal": signal / candles.close,
        "macd_histogram": histogram / candles.close,
    }


def atr_columns(candles: Candles) -> Columns:
    """Average true range (Wilder 1978), relative to the close."""
    bars_of = (candles.high, candles.low, candles.close)
    return {f"atr_{bars}": talib.ATR(*bars_of, bars) / candles.close for bars in ATR_BARS}


def bollinger_columns(candles: Candles) -> Columns:
    """Bollinger bands 20/2: where the close lies between them (-1 and 1), and their width relative to the middle."""
    upper, middle, lower = talib.BBANDS(candles.close, DAY, 2.0, 2.0)
    return {
        "bb_position": divide(2.0 * (candles.close - middle), upper - lower),
        "bb_width": (upper - lower) / middle,
    }


def ema_columns(candles: Candles) -> Columns:
    """Log distance of the close to its exponential means."""
    return {f"ema_gap_{bars}": np.log(candles.close / talib.EMA(candles.close, bars)) for bars in EMA_BARS}


def sma_columns(candles: Candles) -> Columns:
    """Log distance of the close to its plain means."""
    return {f"sma_gap_{bars}": np.log(candles.close / talib.SMA(candles.close, bars)) for bars in SMA_BARS}


def obv_columns(candles: Candles) -> Columns:
    """Change of on-balance volume (Granville 1963) as a part of the volume traded meanwhile, -1 to 1.

    The level of on-balance volume depends on where the file begins, its changes do not.
    """
    obv = talib.OBV(candles.close, candles.volume)
    return {
        f"obv_{bars}": divide(change_over(obv, bars), bars * rolling_mean(candles.volume, bars))
        for bars in (DAY, 60)
    }


def stochastic_columns(candles: Candles) -> Columns:
    """Stochastic oscillator 14/3 (Lane), fast and slow line, -1 to 1."""
    bars = (candles.high, candles.low, candles.close)
    fast, slow = talib.STOCH(*bars, fastk_period=14, slowk_period=3, slowd_period=3)
    return {"stochastic_k": fast / 50.0 - 1.0, "stochastic_d": slow / 50.0 - 1.0}


def cci_columns(candles: Candles) -> Columns:
    """Commodity channel index over 20 bars (Lambert 1980), in hundreds."""
    return {"cci_20": talib.CCI(candles.high, candles.low, candles.close, DAY) / 100.0}


def adx_columns(candles: Candles) -> Columns:
    """Average directional index and the difference of the directional indicators (Wilder 1978), in hundreds."""
    bars = (candles.high, candles.low, candles.close)
    return {
        "adx_14": talib.ADX(*bars, 14) / 100.0,
        "directional_14": (talib.PLUS_DI(*bars, 14) - talib.MINUS_DI(*bars, 14)) / 100.0,
    }


def donchian_columns(candles: Candles) -> Columns:
    """Donchian channel over 20 bars: where the close lies in it (-1 and 1), and its width relative to the close."""
    high, low = talib.MAX(candles.high, DAY), talib.MIN(candles.low, DAY)
    return {
        "donchian_position": divide(2.0 * candles.close - high - low, high - low),
        "donchian_width": (high - low) / candles.close,
    }


def mfi_columns(candles: Candles) -> Columns:
    """Money flow index over 14 bars (Quong and Soudack 1989), -1 to 1."""
    bars = (candles.high, candles.low, candles.close, candles.volume)
    return {"mfi_14": talib.MFI(*bars, 14) / 50.0 - 1.0}


def vwap_columns(candles: Candles) -> Columns:
    """Log distance of the close to the mean price of 20 bars weighted by volume; to the plain mean without volume."""
    typical = (candles.high + candles.low + candles.close) / 3.0
    weighted, traded = rolling_mean(typical * candles.volume, DAY), rolling_mean(candles.volume, DAY)
    silent = traded <= 0.0
    mean = np.where(silent, rolling_mean(typical, DAY), weighted / np.where(silent, 1.0, traded))
    return {"vwap_gap_20": np.log(candles.close / mean)}


def cumulative_columns(candles: Candles) -> Columns:
    """Log returns over longer stretches."""
    log_close = np.log(candles.close)
    return {f"return_{bars}": change_over(log_close, bars) for bars in CUMULATIVE_BARS}


def z_score_columns(candles: Candles) -> Columns:
    """The log close in standard deviations from its mean of 100 bars."""
    return {"z_score_100": z_score(np.log(candles.close), 100)}


def mean_gap_columns(candles: Candles) -> Columns:
    """The close less its mean, in units of the typical move over so many bars."""
    moves = rolling_std(change_over(np.log(candles.close), 1), DAY)
    gaps = {bars: np.log(candles.close / rolling_mean(candles.close, bars)) for bars in SMA_BARS}
    return {f"mean_gap_{bars}": divide(gap, moves * np.sqrt(bars)) for bars, gap in gaps.items()}


def realised_columns(candles: Candles) -> Columns:
    """Standard deviation of log returns, and that of 10 bars against that of 50, as a logarithm-free ratio."""
    moves = change_over(np.log(candles.close), 1)
    columns = {f"volatility_{bars}": rolling_std(moves, bars) for bars in VOLATILITY_BARS}
    short, long = (rolling_std(moves, bars) for bars in RATIO_BARS)
    return columns | {"volatility_ratio": divide(short, long)}


def parkinson_columns(candles: Candles) -> Columns:
    """Volatility from the range over 20 bars (Parkinson 1980)."""
    return {"parkinson_20": parkinson_volatility(candles.high, candles.low, DAY)}


def garman_klass_columns(candles: Candles) -> Columns:
    """Volatility from range and body over 20 bars (Garman and Klass 1980)."""
    bars = (candles.open, candles.high, candles.low, candles.close)
    return {"garman_klass_20": garman_klass_volatility(*bars, DAY)}


def volume_z_columns(candles: Candles) -> Columns:
    """The log volume in standard deviations from its mean of 20 bars."""
    return {"volume_z_20": z_score(np.log1p(candles.volume), DAY)}


def volume_delta_columns(candles: Candles) -> Columns:
    """Change of the log volume, and volume signed by the direction of the bar against the mean of 20 bars."""
    signed = np.sign(candles.close - candles.open) * candles.volume
    return {
        "volume_change": change_over(np.log1p(candles.volume), 1),
        "signed_volume": divide(signed, rolling_mean(candles.volume, DAY)),
    }


INDICATORS: dict[str, Callable[[Candles], Columns]] = {
    "RSI": rsi_columns,
    "MACD": macd_columns,
    "ATR": atr_columns,
    "BB": bollinger_columns,
    "EMA": ema_columns,
    "SMA": sma_columns,
    "OBV": obv_columns,
    "STOCHASTIC": stochastic_columns,
    "CCI": cci_columns,
    "ADX": adx_columns,
    "DONCHIAN": donchian_columns,
    "MFI": mfi_columns,
    "VWAP": vwap_columns,
    "CUMULATIVE_RETURNS": cumulative_columns,
    "ZSCORE": z_score_columns,
    "MEAN_GAP": mean_gap_columns,
    "REALISED_VOLATILITY": realised_columns,
    "PARKINSON": parkinson_columns,
    "GARMAN_KLASS": garman_klass_columns,
    "VOLUME_ZSCORE": volume_z_columns,
    "VOLUME_DELTA": volume_delta_columns,
}
"""The groups that a configuration may name, and how each is computed."""


def compute_columns(candles: Candles, indicators: tuple[str, ...], *, calendar: bool) -> Columns:
    """{group.column: one value a bar} of the price, the named groups and, if asked for, the calendar."""
    groups = {"price": price_columns(candles)}
    groups |= {name.lower(): INDICATORS[name](candles) for name in indicators}
    if calendar:
        groups["calendar"] = calendar_columns(candles)
    return {
        f"{group}.{name}": values for group, columns in groups.items() for name, values in columns.items()
    }


def _circle(name: str, part: Floats) -> Columns:
    angle = 2.0 * np.pi * part
    return {f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)}
