"""Rows and times of a Parquet file, from its footer and its two ends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from headway.markets.spans import Span
from headway.markets.table import UNREAD_TIME, read_parquet_ends

_US_PER_S = 1_000_000


def count_parquet(path: Path) -> tuple[int, Span]:
    """How many rows there are, and the span. DataError when it is no Parquet file."""
    ends, rows = read_parquet_ends(path)
    times_us = ends.times_us().tolist() if rows and "timestamp" in ends.frame.columns else [UNREAD_TIME]
    return rows, Span(ends.named, _to_moment(times_us[0]), _to_moment(times_us[-1]))


def _to_moment(time_us: int) -> datetime | None:
    try:
        return None if time_us == UNREAD_TIME else datetime.fromtimestamp(time_us / _US_PER_S, UTC)
    except (ValueError, OverflowError, OSError):
        return None
