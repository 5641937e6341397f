"""Candles of the server's folder: which there are, whether one is sound, and where a new one goes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, cast

from headway.control.context import Context
from headway.domain.coverage import Coverage, DatasetCheck
from headway.domain.errors import InvalidInput, NotFound, PreflightFailed
from headway.domain.reasons import Reason
from headway.domain.subjects import CANDLES_FILE
from headway.domain.trading import TIMEFRAMES_S
from headway.wire.rundir import sync_folder

_PATTERN = "SYMBOL_TIMEFRAME.csv or .parquet, like BTCUSDT_1h.csv"


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
    partial = folder / f".{secrets.token_hex(8)}.partial"
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / filename)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def exists(context: Context, filename: str) -> bool:
    return Path(context.policy.candles_dir / filename).is_file()
