"""What is known of files of candles: what they cover, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Coverage:
    """Candles that are there. `rows` of a coarser timeframe than the file's own are an estimate."""

    symbol: str
    timeframe: str
    filename: str
    rows: int | None
    first_at: datetime | None  # when the first bar opens, and the last
    last_at: datetime | None
    columns: tuple[str, ...] = ()
    size_bytes: int | None = None
    origin: str = "file"  # or packaged
    label: str | None = None
    problem: str | None = None  # why something above is None


@dataclass(frozen=True)
class Closes:
    """Closing prices for a chart. `rows`: how many there are before thinning."""

    times_s: tuple[int, ...]  # UTC, as the file has them
    closes: tuple[float, ...]
    rows: int


@dataclass(frozen=True)
class DatasetFault:
    severity: str  # error, warning
    message: str
    row: int | None  # 1 follows the header


@dataclass(frozen=True)
class DatasetCheck:
    """What is found when all of a file of candles is read. `first` and `last` are when the first and the
    last bar open, ISO 8601."""

    filename: str
    symbol: str
    timeframe: str  # of the file itself
    rows: int
    faults: tuple[DatasetFault, ...]
    schema_valid: bool
    times_valid: bool
    gaps: int
    dtypes: dict[str, str]
    first: str | None
    last: str | None
