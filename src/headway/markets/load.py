"""Load candles strictly: whatever is wrong is an error that names file, row, column, value and remedy."""

from __future__ import annotations

from pathlib import Path

from headway.domain.errors import DataError
from headway.markets.candles import Candles
from headway.markets.catalog import get_holding
from headway.markets.packaged import load_packaged
from headway.markets.problems import Rules
from headway.markets.resample import resample
from headway.markets.strict import require_sound, to_candles
from headway.markets.table import read_table


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
    if written == timeframe:
        return candles
    coarser = resample(candles, timeframe)
    if not len(coarser):
        raise DataError(
            f"{holding.path}: {len(candles)} bars of {written} do not make one whole bar of {timeframe}. "
            f"Fetch more with `headway data fetch {symbol} --timeframe {written}`"
        )
    return coarser


def load_file(path: Path, symbol: str, timeframe: str, *, allow_gaps: bool = False) -> Candles:
    """The bars of one file as they are. Errors as in `load_candles`."""
    table = read_table(path)
    gaps = require_sound(table, Rules(timeframe), allow_gaps=allow_gaps)
    warnings = tuple(f"{path.name}: {gap.message}" for gap in gaps)
    return to_candles(table, symbol, timeframe, origin="file").evolve(warnings=warnings)
