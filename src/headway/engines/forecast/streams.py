"""Bars of every timeframe as feature rows, and which of them a base bar may see: only those that have closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headway.domain.errors import InvalidInput
from headway.domain.manifest import DataSource
from headway.domain.trading import TIMEFRAMES_S
from headway.engines.first_bar import find_first_whole
from headway.engines.forecast.columns import compute_columns
from headway.engines.forecast.panel import Floats, Rows
from headway.markets.candles import Candles
from headway.markets.resample import resample
from headway.wire.forecast import FeatureConfig


@dataclass(frozen=True)
class Stream:
    """Features of one timeframe's bars, unscaled, without the warm-up."""

    timeframe: str
    at_s: Rows  # [bars] close
    names: tuple[str, ...]
    values: Floats  # [bars, features]


@dataclass(frozen=True)
class Aligned:
    """Streams beside the base bars at which each of them has at least one closed bar."""

    at_s: Rows  # [rows] close of the base bar
    close: Floats
    streams: Mapping[str, Stream]
    last_bar: Mapping[str, Rows]  # tf -> [rows] newest bar of the stream that has closed
    source: DataSource
    warnings: tuple[str, ...]


def align_streams(candles: Candles, timeframes: tuple[str, ...], features: FeatureConfig) -> Aligned:
    """Resample, compute, and align by closing times.

    InvalidInput for a timeframe that the base cannot make. DataError when a timeframe has too few bars for its
    features, or a feature is missing after the warm-up.
    """
    bars_of = {name: to_timeframe(candles, name) for name in timeframes}
    streams = {name: compute_stream(bars, features) for name, bars in bars_of.items()}
    last_bar = {name: find_last_closed(stream.at_s, candles.at_s) for name, stream in streams.items()}
    seen = np.all([last >= 0 for last in last_bar.values()], axis=0)
    return Aligned(
        at_s=candles.at_s[seen],
        close=candles.close[seen],
        streams=streams,
        last_bar={name: last[seen] for name, last in last_bar.items()},
        source=candles.source,
        warnings=tuple(dict.fromkeys(text for bars in bars_of.values() for text in bars.warnings)),
    )


def find_last_closed(bar_at_s: Rows, at_s: Rows) -> Rows:
    """For each moment the index of the newest bar that has closed by then; -1 where none has.

    A bar that closes at the very moment counts: both closes are known together.
    """
    return np.searchsorted(bar_at_s, at_s, side="right").astype(np.int64) - 1


def to_timeframe(candles: Candles, timeframe: str) -> Candles:
    """The candles themselves, or coarser bars made from them."""
    if timeframe == candles.timeframe:
        return candles
    size_s, base_s = TIMEFRAMES_S[timeframe], candles.bar_s
    if size_s < base_s or size_s % base_s:
        bound = f"a whole multiple of the candles' own {candles.timeframe}"
        remedy = "Leave it out, or give candles of a finer timeframe"
        raise InvalidInput("data.timeframes", timeframe, bound, remedy=remedy)
    return resample(candles, timeframe, weekdays_only=candles.source.origin == "packaged")


def compute_stream(candles: Candles, features: FeatureConfig) -> Stream:
    """The features of one timeframe's bars from the first bar that has them all."""
    indicators = features.indicators_of(candles.timeframe)
    columns = compute_columns(candles, indicators, calendar=features.calendar)
    values = np.stack(list(columns.values()), axis=1)
    remedy = (
        f"Give more candles, leave out the timeframe {candles.timeframe}, or name shorter indicators for it "
        "(features.per_timeframe)"
    )
    first = find_first_whole(candles, tuple(columns), values, of=candles.timeframe, remedy=remedy)
    return Stream(candles.timeframe, candles.at_s[first:], tuple(columns), values[first:])
