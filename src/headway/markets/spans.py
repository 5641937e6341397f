"""From when to when a CSV of candles reaches, read from its two ends. Standard library only, for the server."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TIME_NAMES = ("timestamp", "open_time", "datetime", "time", "date")  # the first that a file has is its time
US_FROM_MS = 10**14  # epoch numbers from here on are microseconds
MS_FROM_S = 10**11  # from here on milliseconds, below seconds

_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Span:
    """Columns of the file, and the times of its first and last row; None where they cannot be read."""

    columns: tuple[str, ...]
    first_at: datetime | None
    last_at: datetime | None


def read_span(path: Path) -> Span:
    """The span of a CSV file; a packed one came with a package. OSError when it cannot be read."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        head = file.readline(_TAIL_BYTES), file.readline(_TAIL_BYTES)
        last = head[1]
        if path.suffix == ".gz":
            for line in file:
                last = line if line.strip() else last
        else:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, len(head[0])))
            last = next((line for line in reversed(file.read().splitlines()) if line.strip()), last)
    columns = tuple(name.strip() for name in _fields(head[0]))
    lowered = [name.lower() for name in columns]
    place = next((lowered.index(name) for name in TIME_NAMES if name in lowered), None)
    if place is None:
        return Span(columns, None, None)
    first, newest = (_field(line, place) for line in (head[1], last))
    read = _read_month_first if path.suffix == ".gz" else _read_at
    return Span(columns, read(first), read(newest))


def _fields(line: bytes) -> list[str]:
    text = line.decode("utf-8-sig", "replace").strip()
    return next(csv.reader(io.StringIO(text)), [])


def _field(line: bytes, place: int) -> str:
    fields = _fields(line)
    return fields[place].strip() if place < len(fields) else ""


def _read_month_first(text: str) -> datetime | None:
    """As the days that come with a package are written, and no other file may."""
    try:
        return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _read_at(text: str) -> datetime | None:
    try:
        if text.replace(".", "", 1).isdigit() and "-" not in text:
            number = float(text)
            scale = 1e6 if number >= US_FROM_MS else 1e3 if number >= MS_FROM_S else 1.0
            return datetime.fromtimestamp(number / scale, UTC)
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
