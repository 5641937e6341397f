"""The record of candles: what loading gives and everything else works on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.domain.clock import format_utc
from headway.domain.manifest import DataSource
from headway.domain.trading import TIMEFRAMES_S

Floats = NDArray[np.float64]
Seconds = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")
BOOK_COLUMNS = ("bid", "ask", "bid_size", "ask_size")

_WEEK_S = 604_800
_MONDAY_S = 4 * 86_400  # the epoch began on a Thursday; its first Monday is four days later


@dataclass(frozen=True)
class Candles:
    """Bars of one symbol in order of time; each array has one value a bar.

    `at_s` is when a bar closed (its opening time plus the timeframe), in seconds since the epoch: from then on the
    bar is known. Prices are in the quote currency, `volume` in the base currency. `book` holds columns of the order
    book at the close (`bid`, `ask`, `bid_size`, `ask_size`) when the file has them. ValueError for arrays of
    different lengths.
    """

    symbol: str
    timeframe: str
    at_s: Seconds
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    book: dict[str, Floats] | None
    source: DataSource
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in self.columns()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def bar_s(self) -> int:
        """Length of a bar in seconds."""
        return TIMEFRAMES_S[self.timeframe]

    @property
    def open_at_s(self) -> Seconds:
        """When each bar began, in seconds since the epoch."""
        return self.at_s - self.bar_s

    def columns(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every array with its name: time, prices, volume, then those of the book."""
        yield "at_s", self.at_s
        for name in COLUMNS:
            yield name, getattr(self, name)
        yield from sorted((self.book or {}).items())

    def evolve(self, **changes: Any) -> Candles:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def cut(self, first: int, end: int) -> Candles:
        """Only the rows from `first` to before `end`; the source is told as it was."""
        book = self.book or {}
        bars = {name: array[first:end] for name, array in self.columns() if name not in book}
        return self.evolve(**bars, book={name: array[first:end] for name, array in book.items()} or None)

    def digest(self) -> str:
        """SHA-256 of symbol, timeframe and every value: equal bars, equal digest, whatever file they came from."""
        digest = hashlib.sha256(f"{self.symbol} {self.timeframe}".encode())
        for name, array in self.columns():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def bar_offset_s(bar_s: int) -> int:
    """Where bars of this length begin, counted from the epoch: at whole multiples, weeks on Monday."""
    return _MONDAY_S if bar_s == _WEEK_S else 0


def format_at(at_s: int | float) -> str:
    """Seconds since the epoch as ISO 8601 UTC."""
    return format_utc(datetime.fromtimestamp(at_s, UTC))


def show_at(at_s: int | float) -> str:
    """The same, to the second, for messages and files."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe_span(at_s: Seconds) -> tuple[int, str, str]:
    """(bars, close of the first, close of the last) for a DataSource; empty texts for no bars."""
    if not len(at_s):
        return 0, "", ""
    return len(at_s), format_at(int(at_s[0])), format_at(int(at_s[-1]))
