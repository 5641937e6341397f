"""A fault in a table of candles: what it is, where it is and what to do; and what is expected of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from headway.domain.json import JsonObject
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.table import Table

Mask = NDArray[np.bool_]

GAP = "gap"
SHOWN_ROWS = 10

_MEND = "Mend or remove the row, or fetch the file again with `headway data fetch`"


@dataclass(frozen=True)
class Problem:
    """One kind of fault in one column. `row` is the first it is in (1 follows the header), `count` how many rows."""

    kind: str
    message: str
    column: str | None = None
    row: int | None = None
    count: int = 1
    rows: tuple[int, ...] = ()  # the first ten

    def to_json(self) -> JsonObject:
        return {**asdict(self), "rows": list(self.rows)}


@dataclass(frozen=True)
class Rules:
    """What is expected of a file. `longest_gap_bars` is how many bars in a row may be missing: 0 where trade never
    stops, more for a market with weekends and holidays. `now_s` is the present, in seconds since the epoch."""

    timeframe: str
    longest_gap_bars: int = 0
    now_s: float | None = None  # None: the machine's clock

    @property
    def bar_s(self) -> int:
        return TIMEFRAMES_S[self.timeframe]


def tell(table: Table, column: str, kind: str, mask: Mask, what: str) -> Iterator[Problem]:
    """One problem for all rows of the mask, if there are any; `what` completes the sentence after the value."""
    hits = np.flatnonzero(mask)
    if not len(hits):
        return
    rows = tuple(int(hit) + 1 for hit in hits[:SHOWN_ROWS])
    more = f" ({len(hits)} rows)" if len(hits) > 1 else ""
    value = table.raw(column, int(hits[0]))
    shown = repr(value) if value is not None else "(nothing)"
    message = f"row {rows[0]}, column {column}: {shown} {what}{more}. {_MEND}"
    yield Problem(kind, message, column, rows[0], len(hits), rows)
