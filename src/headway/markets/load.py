"""Load candles strictly: whatever is wrong is an error that names file, row, column, value and remedy."""

from __future__ import annotations

from pathlib import Path

from headway.domain.errors import DataError
from headway.domain.trading import TIMEFRAMES_S, require_timeframe
from headway.markets.candles import Candles
from headway.markets.catalog import SUFFIXES, get_holding, read_file_name
from headway.markets.packaged import load_packaged
from headway.markets.problems import Rules
from headway.markets.resample import resample
from headway.markets.strict import require_sound, to_candles
from headway.markets.table import read_table

_SHOWN_FILES = 8


def load_candles(candles_dir: Path, symbol: str, timeframe: str, *, allow_gaps: bool = False) -> Candles:
    """The bars of a symbol: a file of the folder, resampled when it is a finer one, else packaged data.

    DataError when there are none or the file has any fault; with `allow_gaps` missing bars become warnings.
    InvalidInput for an unknown timeframe.
    """
    holding = get_holding(candles_dir, symbol, timeframe)
    if holding.path is None:
        return load_packaged(holding)
    written = holding.resampled_from or timeframe
    candles = load_file(holding.path, symbol, written, allow_gaps=allow_gaps)
    return _to_timeframe(candles, timeframe, holding.path)


def load_source(candles_dir: Path, source: str, timeframe: str, *, allow_gaps: bool = False) -> Candles:
    """The bars of a symbol like `load_candles`, or of a file of the folder by its name (`BTCUSDT_1h.csv`)."""
    if not source.endswith(SUFFIXES):
        return load_candles(candles_dir, source, timeframe, allow_gaps=allow_gaps)
    path = candles_dir / source
    if not path.is_file():
        known = sorted(file.name for file in candles_dir.glob("*") if file.name.endswith(SUFFIXES))
        there = ", ".join(known[:_SHOWN_FILES]) or "no candle files"
        raise DataError(f"no file {source} in {candles_dir}, which holds {there}. Check the name")
    return load_path(path, timeframe, allow_gaps=allow_gaps)


def load_path(path: Path, timeframe: str, *, allow_gaps: bool = False) -> Candles:
    """The bars of any file in this timeframe, made from finer ones where its name tells of those.

    A name that tells no symbol and timeframe stands for the symbol; its bars are taken for those of the timeframe.
    """
    require_timeframe(timeframe)
    symbol, written = read_file_name(path) or (path.stem, timeframe)
    if TIMEFRAMES_S[written] > TIMEFRAMES_S[timeframe] or TIMEFRAMES_S[timeframe] % TIMEFRAMES_S[written]:
        raise DataError(
            f"{path}: bars of {written} cannot become bars of {timeframe}. Ask for {written} or a multiple of it, or "
            "give a file of finer bars"
        )
    return _to_timeframe(load_file(path, symbol, written, allow_gaps=allow_gaps), timeframe, path)


def load_file(path: Path, symbol: str, timeframe: str, *, allow_gaps: bool = False) -> Candles:
    """The bars of one file as they are. Errors as in `load_candles`."""
    table = read_table(path)
    gaps = require_sound(table, Rules(timeframe), allow_gaps=allow_gaps)
    warnings = tuple(f"{path.name}: {gap.message}" for gap in gaps)
    return to_candles(table, symbol, timeframe, origin="file").evolve(warnings=warnings)


def _to_timeframe(candles: Candles, timeframe: str, path: Path) -> Candles:
    if candles.timeframe == timeframe:
        return candles
    coarser = resample(candles, timeframe)
    if not len(coarser):
        raise DataError(
            f"{path}: {len(candles)} bars of {candles.timeframe} do not make one whole bar of {timeframe}. Fetch more "
            f"with `headway data fetch {candles.symbol} --timeframe {candles.timeframe}`"
        )
    return coarser
