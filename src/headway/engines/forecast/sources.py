"""The candles that a configuration names: a symbol, a file of the candles folder, or a file anywhere."""

from __future__ import annotations

from pathlib import Path

from headway.domain.errors import DataError
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.candles import Candles
from headway.markets.catalog import SUFFIXES, read_file_name
from headway.markets.load import load_candles, load_file
from headway.markets.resample import resample
from headway.wire.forecast import DataConfig


def load_source(candles_dir: Path, data: DataConfig) -> Candles:
    """Bars of the base timeframe. DataError where there are none or a file has a fault."""
    if not data.source.endswith(SUFFIXES):
        return load_candles(candles_dir, data.source, data.base_timeframe, allow_gaps=data.allow_gaps)
    path = candles_dir / data.source
    if not path.is_file():
        raise DataError(
            f"there is no {data.source} in {candles_dir}. Put the file there, or give a symbol as data.source"
        )
    return load_path(path, data)


def load_path(path: Path, data: DataConfig) -> Candles:
    """Bars of the base timeframe from one file, whose name tells symbol and timeframe, as in `BTCUSDT_1h.csv`."""
    named = read_file_name(path)
    if named is None:
        raise DataError(
            f"{path.name} does not tell its symbol and timeframe. Name it like BTCUSDT_{data.base_timeframe}.csv"
        )
    symbol, timeframe = named
    if TIMEFRAMES_S[timeframe] > data.base_s or data.base_s % TIMEFRAMES_S[timeframe]:
        raise DataError(
            f"{path.name} holds bars of {timeframe}: they do not make bars of {data.base_timeframe}, which the "
            f"forecast is of. Give a file of {data.base_timeframe} or of a finer timeframe that divides it"
        )
    candles = load_file(path, symbol, timeframe, allow_gaps=data.allow_gaps)
    return candles if timeframe == data.base_timeframe else resample(candles, data.base_timeframe)
