"""Candles of the server's folder: which there are, whether one is sound, and where a new one goes."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import disk_usage
from typing import BinaryIO, cast

from headway.control.context import Context
from headway.domain.coverage import Closes, Coverage, DatasetCheck
from headway.domain.errors import InvalidInput, NotFound, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.subjects import CANDLES_FILE
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.rundir import sync_folder

_PATTERN = "SYMBOL_TIMEFRAME.csv or .parquet, like BTCUSDT_1h.csv"
_ABANDONED_S = 3600.0  # an upload that lives is written to all the time


def check_dataset(context: Context, filename: str) -> DatasetCheck:
    """Everything that is wrong with a file. NotFound; InvalidInput for a name; PreflightFailed without polars."""
    symbol, timeframe = require_filename(filename)
    path = context.policy.candles_dir / filename
    if not path.is_file() or path.is_symlink():
        raise NotFound(
            f"there is no file {filename} in the candles folder: GET /datasets tells which there are"
        )
    require_package("polars", "data")
    checking = import_module("headway.markets.inspect")
    return cast("DatasetCheck", checking.inspect_file(path, symbol, timeframe))


def read_closes(context: Context, coverage: Coverage, points: int) -> Closes:
    """Closing prices of candles, thinned to so many points. DataError; PreflightFailed without polars."""
    require_package("polars", "data")
    reading = import_module("headway.markets.closes")
    folder = context.policy.candles_dir
    if coverage.origin == "packaged":
        found = reading.read_packaged_closes(folder, coverage.symbol, coverage.timeframe, points)
    else:
        found = reading.read_closes(folder / coverage.filename, points)
    return cast("Closes", found)


def cover_file(context: Context, filename: str) -> Coverage:
    """What a file holds, by cheap counting."""
    _, timeframe = require_filename(filename)
    return context.candles.coverage(filename, timeframe)


def require_filename(filename: str) -> tuple[str, str]:
    """(symbol, timeframe) that the name tells; InvalidInput for any other name, paths among them."""
    match = CANDLES_FILE.fullmatch(filename)
    if match is None or len(filename) > 100:
        bound = f"a plain name: {_PATTERN}; timeframes are {', '.join(TIMEFRAMES_S)}"
        raise InvalidInput("filename", filename, bound)
    return match[1], match[2]


def require_package(name: str, extra: str) -> None:
    """PreflightFailed, saying what to install, unless a package is there."""
    if find_spec(name) is None:
        raise PreflightFailed(
            f'{name} is not installed on the server. Run: pip install "headway[{extra}]"',
            reason=Reason.PREFLIGHT_REJECTED,
        )


@contextmanager
def receiving(context: Context, filename: str) -> Iterator[BinaryIO]:
    """A file that becomes the dataset when the block ends well, whole and durable, and nothing when it does not."""
    folder = context.policy.candles_dir
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    partial = folder / f".{secrets.token_hex(8)}.partial"
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / filename)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno not in (ENOSPC, EDQUOT):
            raise
        raise _no_room(context) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def require_room(context: Context, size_bytes: int) -> None:
    """PreflightFailed where a file of that size would leave less of the disk than is kept free."""
    folder = context.policy.candles_dir
    folder.mkdir(parents=True, exist_ok=True)
    if disk_usage(folder).free - size_bytes < context.policy.min_free_bytes:
        raise _no_room(context)


def _no_room(context: Context) -> PreflightFailed:
    text = f"the disk of {context.policy.candles_dir} has no room for the file: free some, or lower HEADWAY_MIN_FREE_MB"
    return PreflightFailed(text, reason=Reason.DISK_FULL)


def _sweep(folder: Path) -> None:
    """Remove what uploads left that a server did not live to end."""
    for partial in folder.glob(".*.partial"):
        with suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_S:
                partial.unlink()


def exists(context: Context, filename: str) -> bool:
    return Path(context.policy.candles_dir / filename).is_file()
