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

_SHOWN_FILES = 8


def load_source(candles_dir: Path, data: DataConfig) -> Candles:
    """Bars of the base timeframe. DataError where there are none or a file has a fault."""
    if not data.source.endswith(SUFFIXES):
        return load_candles(candles_dir, data.source, data.base_timeframe, allow_gaps=data.allow_gaps)
    path = candles_dir / data.source
    if not path.is_file():
        known = sorted(file.name for file in candles_dir.glob("*") if file.name.endswith(SUFFIXES))
        there = ", ".join(known[:_SHOWN_FILES]) or "no candle files"
        raise DataError(f"no file {data.source} in {candles_dir}, which holds {there}. Check the name")
    return load_path(path, data)


def load_path(path: Path, data: DataConfig) -> Candles:
    """Bars of the base timeframe from any file, made from finer ones where its name tells of those.

    A name like `BTCUSDT_1h.csv` tells symbol and timeframe. Any other stands for the symbol, and its bars are taken for
    those of the base timeframe: a file whose bars are of another length is refused when it is read.
    """
    symbol, timeframe = read_file_name(path) or (path.stem, data.base_timeframe)
    if TIMEFRAMES_S[timeframe] > data.base_s or data.base_s % TIMEFRAMES_S[timeframe]:
        raise DataError(
            f"{path}: bars of {timeframe} do not make bars of {data.base_timeframe}, which the forecast is of. Give a "
            f"file of {data.base_timeframe} or of a finer timeframe that divides it"
        )
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    candles = load_file(path, symbol, timeframe, allow_gaps=data.allow_gaps)
    return candles if timeframe == data.base_timeframe else resample(candles, data.base_timeframe)
