"""Real daily bars of two stock indices, 1999 to 2018, that come with the arch package (from Yahoo Finance)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from headway.domain.errors import DataError
from headway.markets.candles import Candles
from headway.markets.catalog import Holding, find_packaged_file
from headway.markets.check import Report
from headway.markets.problems import Rules
from headway.markets.resample import resample
from headway.markets.strict import require_sound, to_candles
from headway.markets.table import Table, read_table

_LONGEST_CLOSURE_BARS = 6  # 11 to 16 September 2001, the longest time without a session
_CALENDAR = (
    "{name}: bars are sessions of a stock market: weekends and holidays have none. A bar counts as closed at the end "
    "of its day (UTC), after the session"
)


def load_packaged(holding: Holding) -> Candles:
    """Daily bars, or weeks made from them; prices are not adjusted (an index pays no dividends). DataError when the
    package is not installed or its file is damaged."""
    path = find_packaged_file(holding.symbol)
    if path is None:
        raise DataError(f'{holding.source} is not installed. Install it with `pip install "headway[ppo]"`')
    table = _read(path)
    written = holding.resampled_from or holding.timeframe
    require_sound(table, Rules(written, longest_gap_bars=_LONGEST_CLOSURE_BARS))
    candles = to_candles(table, holding.symbol, written, origin=holding.origin, label=holding.label)
    candles = candles.evolve(warnings=(_CALENDAR.format(name=holding.source),))
    return (
        candles if written == holding.timeframe else resample(candles, holding.timeframe, weekdays_only=True)
    )


def report_packaged(holding: Holding) -> Report:
    """A report like that of `check_file`; a fault in packaged data raises DataError instead."""
    candles = load_packaged(holding)
    source = candles.source
    columns = tuple(name for name, _ in candles.columns())
    return Report(
        path=Path(source.name),
        timeframe=holding.timeframe,
        rows=source.rows,
        first=source.first,
        last=source.last,
        sha256=source.sha256,
        columns=columns,
        problems=(),
    )


def _read(path: Path) -> Table:
    """The package writes its dates month first, which no other file may."""
    table = read_table(path)
    dates = pl.col("timestamp").str.to_date("%m/%d/%Y", strict=False)
    return replace(table, frame=table.frame.with_columns(dates))
