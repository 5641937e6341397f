"""A candle file as a table: raw values under known column names, and how they are read as times and numbers."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from headway.domain.errors import DataError
from headway.markets.candles import BOOK_COLUMNS, COLUMNS, Floats, Seconds
from headway.markets.spans import MS_FROM_S, TIME_NAMES, US_FROM_MS

REQUIRED = ("timestamp", *COLUMNS)
UNREAD_TIME = np.iinfo(np.int64).min

_ISO = (
    r"^(?<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?)?"
    r"\s*(?:Z|z|UTC|(?<sign>[+-])(?<off_hour>\d{2}):?(?<off_minute>\d{2})?)?$"
)
_EPOCH = r"^(\d{9,17})(?:\.0*)?$"


@dataclass(frozen=True)
class Table:
    """What a file holds: `frame` has the known columns only, under their own names, as they were written."""

    path: Path
    sha256: str
    frame: pl.DataFrame
    named: tuple[str, ...]  # all columns, as the file calls them
    twice: tuple[str, ...] = ()  # known columns that the file has more than once

    def __len__(self) -> int:
        return self.frame.height

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in REQUIRED if name not in self.frame.columns)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns of numbers that the file has: prices, volume, order book."""
        return tuple(name for name in (*COLUMNS, *BOOK_COLUMNS) if name in self.frame.columns)

    def raw(self, column: str, index: int) -> object:
        """The value as written."""
        return self.frame[column][index]

    def numbers(self, column: str) -> Floats:
        """Values as float64; NaN where there is none or it is text (`is_text` tells those apart)."""
        return _to_numbers(self.frame[column]).fill_null(np.nan).to_numpy(writable=True)

    def is_empty(self, column: str) -> pl.Series:
        """Where nothing is written."""
        values = self.frame[column]
        return values.is_null() | (values == "") if values.dtype == pl.String else values.is_null()

    def is_text(self, column: str) -> pl.Series:
        """Where something is written that is no number."""
        return _to_numbers(self.frame[column]).is_null() & ~self.is_empty(column)

    def times_us(self) -> Seconds:
        """Microseconds since the epoch; UNREAD_TIME where the text is no time."""
        return _to_times(self.frame["timestamp"]).fill_null(UNREAD_TIME).to_numpy(writable=True)


def read_table(path: Path) -> Table:
    """The file, read once: the hash is of the same bytes. DataError when it is not there, empty or no table."""
    try:
        content = path.read_bytes()
        frame = _parse(path, content)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}. Check the path and its permissions"
        ) from error
    except PolarsError as error:
        raise DataError(f"{path}: {_explain(path, error)}") from error
    return _name_columns(path, hashlib.sha256(content).hexdigest(), frame)


def read_parquet_ends(path: Path) -> tuple[Table, int]:
    """The first and the last row of a Parquet file, without a hash, and how many it has. DataError as `read_table`."""
    try:
        lazy = pl.scan_parquet(path)
        rows = lazy.select(pl.len()).collect().item()
        frame = pl.concat([lazy.head(1), lazy.tail(1)]).collect()
    except (OSError, PolarsError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from error
    return _name_columns(path, "", frame), int(rows)


def _parse(path: Path, content: bytes) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(BytesIO(content))
    if path.suffix == ".gz":
        return pl.read_csv(content, infer_schema=False)
    return pl.read_csv(content.rstrip(), infer_schema=False)


def _explain(path: Path, error: PolarsError) -> str:
    if isinstance(error, pl.exceptions.NoDataError):
        return "is empty. Fetch it again with `headway data fetch`"
    uneven = None if path.suffix == ".parquet" else _find_uneven_row(path)
    if uneven is not None:
        row, fields, header = uneven
        return f"row {row} has {fields} fields, the header has {header}. Mend or remove the line"
    return f"is no table that can be read ({str(error).splitlines()[0]}). Write it as UTF-8 CSV with commas"


def _find_uneven_row(path: Path) -> tuple[int, int, int] | None:
    """(row, its fields, fields of the header) of the first row with too many; row 1 follows the header."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines = csv.reader(file)
        header = len(next(lines, []))
        for row, fields in enumerate(lines, 1):
            if len(fields) > header:
                return row, len(fields), header
    return None


def _name_columns(path: Path, sha256: str, frame: pl.DataFrame) -> Table:
    """Columns under their known names; others are left out, and of several times the first of TIME_NAMES is kept."""
    original = [name.split("_duplicated_")[0] for name in frame.columns]
    lowered = [name.strip().lower() for name in original]
    time = next((name for name in TIME_NAMES if name in lowered), None)
    known = {time: "timestamp"} if time else {}
    known |= {name: name for name in (*COLUMNS, *BOOK_COLUMNS)}
    columns = frame.get_columns()
    kept = {known[name]: columns[k] for k, name in reversed(list(enumerate(lowered))) if name in known}
    ordered = [name for name in (*REQUIRED, *BOOK_COLUMNS) if name in kept]
    return Table(
        path=path,
        sha256=sha256,
        frame=pl.DataFrame({name: _strip(kept[name]) for name in ordered}),
        named=tuple(original),
        twice=tuple(known[name] for name in known if lowered.count(name) > 1),
    )


def _strip(values: pl.Series) -> pl.Series:
    return values.str.strip_chars() if values.dtype == pl.String else values


def _to_numbers(values: pl.Series) -> pl.Series:
    return values.cast(pl.Float64, strict=False)


def _to_times(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        return values.cast(pl.Datetime("us")).dt.epoch("us")
    if values.dtype.is_float():
        values = values.set(values % 1 != 0, None).cast(pl.Int64, strict=False)
    texts = values.cast(pl.String).alias("text").to_frame()
    return texts.select(pl.coalesce(_iso_us(pl.col("text")), _epoch_us(pl.col("text")))).to_series()


def _iso_us(text: pl.Expr) -> pl.Expr:
    """ISO 8601 as microseconds; without a zone it is UTC. Null for anything else, 25 o'clock included."""
    part = text.str.extract_groups(_ISO).struct
    clock = [pl.coalesce(part.field(name), pl.lit("00")) for name in ("hour", "minute", "second")]
    spelled = pl.concat_str([part.field("day"), *clock], separator=" ")
    whole = spelled.str.to_datetime("%Y-%m-%d %H %M %S", strict=False, time_unit="us").dt.epoch("us")
    fraction = part.field("fraction").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64).fill_null(0)
    offset_hours = part.field("off_hour").cast(pl.Int64).fill_null(0)
    offset_minutes = part.field("off_minute").cast(pl.Int64).fill_null(0)
    sign = pl.when(part.field("sign") == "-").then(-1).otherwise(1)
    return whole + fraction - sign * (offset_hours * 60 + offset_minutes) * 60_000_000


def _epoch_us(text: pl.Expr) -> pl.Expr:
    """Epoch numbers as microseconds; how large a number is tells its unit, row by row."""
    number = text.str.extract(_EPOCH, 1).cast(pl.Int64)
    scale = pl.when(number >= US_FROM_MS).then(1).when(number >= MS_FROM_S).then(1_000).otherwise(1_000_000)
    return number * scale
