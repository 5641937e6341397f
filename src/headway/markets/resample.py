"""Coarser bars from finer ones. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headway.domain.trading import TIMEFRAMES_S
from headway.markets.candles import Candles, Seconds, bar_offset_s, describe_span

_WEEKEND_S = 2 * 86_400


def resample(candles: Candles, timeframe: str, *, weekdays_only: bool = False) -> Candles:
    """Bars of a coarser timeframe, aligned to the epoch (weeks begin on Monday, UTC).

    The first and the last bar are dropped unless the finer bars reach their edges; a week of a market that trades on
    `weekdays_only` ends on Friday. Inside, a bar with finer bars missing is made from what is there, with a warning.
    Open is the first, close and the order book the last, high and low the extremes, volume the sum. ValueError when
    the timeframe is not a multiple of the bars' own.
    """
    size_s = TIMEFRAMES_S[timeframe]
    if size_s <= candles.bar_s or size_s % candles.bar_s:
        raise ValueError(f"{candles.timeframe} bars cannot be resampled to {timeframe}")
    offset_s = bar_offset_s(size_s)
    bucket = (candles.open_at_s - offset_s) // size_s
    keep = _whole_buckets(candles, bucket, size_s, weekend_s=_WEEKEND_S if weekdays_only else 0)
    kept = candles.cut(keep.start, keep.stop)
    first = np.flatnonzero(np.diff(bucket[keep], prepend=-1))  # no bar is before the epoch
    at_s = (bucket[keep][first] + 1) * size_s + offset_s
    warnings = [f"{timeframe} bars were made from {candles.timeframe} bars of {candles.source.name}"]
    short = 0 if weekdays_only else int((np.diff(first, append=len(kept)) < size_s // candles.bar_s).sum())
    if short:
        warnings.append(
            f"{short} of {len(first)} bars of {timeframe} were made from fewer bars than they span"
        )
    rows, begin, end = describe_span(at_s)
    return _merge(kept, first).evolve(
        timeframe=timeframe,
        at_s=at_s,
        source=replace(candles.source, rows=rows, first=begin, last=end),
        warnings=(*candles.warnings, *warnings),
    )


def _whole_buckets(candles: Candles, bucket: Seconds, size_s: int, *, weekend_s: int) -> slice:
    """The rows without those of an incomplete first or last bucket."""
    if not len(candles):
        return slice(0, 0)
    offset_s = bar_offset_s(size_s)
    whole_first = candles.open_at_s[0] == bucket[0] * size_s + offset_s
    whole_last = candles.at_s[-1] >= (bucket[-1] + 1) * size_s + offset_s - weekend_s
    start = 0 if whole_first else int(np.searchsorted(bucket, bucket[0], side="right"))
    stop = len(candles) if whole_last else int(np.searchsorted(bucket, bucket[-1], side="left"))
    return slice(start, max(start, stop))


def _merge(candles: Candles, first: Seconds) -> Candles:
    """One row for the rows from each of `first` up to the next; the times are the caller's to set."""
    if not len(first):
        return candles
    last = np.append(first[1:], len(candles)) - 1
    return candles.evolve(
        at_s=candles.at_s[last],
        open=candles.open[first],
        high=np.maximum.reduceat(candles.high, first),
        low=np.minimum.reduceat(candles.low, first),
        close=candles.close[last],
        volume=np.add.reduceat(candles.volume, first),
        book=candles.book and {name: array[last] for name, array in candles.book.items()},
    )
