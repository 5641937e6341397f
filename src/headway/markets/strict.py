"""From a table to candles: all or nothing."""

from __future__ import annotations

from headway.domain.errors import DataError
from headway.domain.manifest import DataSource
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.candles import BOOK_COLUMNS, Candles, describe_span
from headway.markets.check import find_problems
from headway.markets.problems import GAP, Problem, Rules
from headway.markets.table import Table

_US_PER_S = 1_000_000


def require_sound(table: Table, rules: Rules, *, allow_gaps: bool = False) -> list[Problem]:
    """DataError for the first problem; with `allow_gaps` the gaps are returned instead."""
    problems = list(find_problems(table, rules))
    gaps = [problem for problem in problems if allow_gaps and problem.kind == GAP]
    faults = [problem for problem in problems if problem not in gaps]
    if faults:
        more = f" ({len(faults) - 1} more: `headway data check {table.path}` lists all)" if faults[1:] else ""
        raise DataError(f"{table.path}: {faults[0].message}{more}")
    return gaps


def to_candles(
    table: Table, symbol: str, timeframe: str, *, origin: str, label: str | None = None
) -> Candles:
    """The candles of a sound table; each row opens at its time and is known one timeframe later."""
    at_s = table.times_us() // _US_PER_S + TIMEFRAMES_S[timeframe]
    rows, first, last = describe_span(at_s)
    source = DataSource(table.path.name, origin, table.sha256, rows, first, last, label)
    values = {name: table.numbers(name) for name in table.numeric}
    return Candles(
        symbol=symbol,
        timeframe=timeframe,
        at_s=at_s,
        open=values["open"],
        high=values["high"],
        low=values["low"],
        close=values["close"],
        volume=values["volume"],
        book={name: values[name] for name in BOOK_COLUMNS if name in values} or None,
        source=source,
    )
