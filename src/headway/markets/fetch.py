"""Fetch candles from an exchange, page by page; a fetch that was cut off goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from headway.domain.clock import require_aware
from headway.domain.errors import DataError
from headway.domain.trading import TIMEFRAMES_S, require_timeframe
from headway.markets.candles import bar_offset_s
from headway.markets.catalog import require_symbol
from headway.markets.exchange import Exchange, Rows
from headway.markets.partial import PartialFile

_PAGE_BARS = 1000
_SKIPPED_BARS = 100  # how far to look on where an exchange has nothing: no more than the smallest page of any


@dataclass(frozen=True)
class Fetched:
    """What a fetch did. `first_open` and `last_open` are opening times of the first and last bar in the file."""

    path: Path
    added: int
    continued: bool  # a file, or the part of one, was there before
    first_open: str
    last_open: str


@dataclass(frozen=True)
class _Span:
    """Opening times to fetch: start_ms <= time < end_ms, a bar every bar_ms."""

    start_ms: int
    end_ms: int
    bar_ms: int


def fetch_candles(
    exchange: Exchange, symbol: str, timeframe: str, since: datetime, until: datetime | None, folder: Path
) -> Fetched:
    """Bars of `symbol` against USDT that open from `since` until before `until` (None: now) and have closed.

    They go into `<symbol>USDT_<timeframe>.csv`, which appears or changes in one moment at the end; until then into a
    `.partial` file beside it. When either is there already, the fetch goes on after its last bar, whatever `since`
    says, so that there is no hole. DataError when the exchange has nothing, refuses, or the file there is not one
    that a fetch wrote; what has been fetched is kept.
    """
    require_symbol(symbol)
    path = folder / f"{symbol}USDT_{require_timeframe(timeframe)}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    partial = PartialFile(path)
    last_ms = partial.last_open_ms()
    span = _plan(exchange, timeframe, (since, until), last_ms)
    added = partial.append(_follow_pages(exchange, f"{symbol}/USDT", timeframe, span))
    first, last = partial.first_open(), partial.last_open()
    if first is None or last is None:
        partial.remove()
        raise DataError(
            f"the exchange has no closed {timeframe} candles of {symbol}/USDT from {since:%Y-%m-%d} on"
        )
    partial.publish()
    return Fetched(path, added, last_ms is not None, first, last)


def _plan(
    exchange: Exchange, timeframe: str, asked: tuple[datetime, datetime | None], last_ms: int | None
) -> _Span:
    bar_ms, now_ms = TIMEFRAMES_S[timeframe] * 1000, exchange.milliseconds()
    offset_ms = bar_offset_s(TIMEFRAMES_S[timeframe]) * 1000
    since_ms, until_ms = (now_ms if at is None else int(require_aware(at).timestamp() * 1000) for at in asked)
    late_ms = (offset_ms - since_ms) % bar_ms  # from `since` to where a bar begins
    start_ms = since_ms + late_ms if last_ms is None else last_ms + bar_ms
    return _Span(start_ms, min(until_ms, now_ms - bar_ms + 1), bar_ms)


def _follow_pages(exchange: Exchange, pair: str, timeframe: str, span: _Span) -> Iterator[Rows]:
    next_ms = span.start_ms
    while next_ms < span.end_ms:
        rows = exchange.fetch_ohlcv(pair, timeframe, next_ms, _PAGE_BARS)
        by_time = {int(row[0]): row for row in rows if row[0] is not None}
        fresh = [at_ms for at_ms in sorted(by_time) if next_ms <= at_ms < span.end_ms]
        if fresh:
            yield [by_time[at_ms] for at_ms in fresh]
        next_ms = fresh[-1] + span.bar_ms if fresh else next_ms + _SKIPPED_BARS * span.bar_ms
