"""What is wrong with a candle file: every problem, with its place and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from headway.domain.errors import DataError
from headway.domain.json import JsonObject
from headway.domain.trading import TIMEFRAMES_S, require_timeframe
from headway.markets.candles import PRICES, Seconds, describe_span
from headway.markets.check_times import check_times
from headway.markets.problems import Problem, Rules, tell
from headway.markets.spans import TIME_NAMES
from headway.markets.table import UNREAD_TIME, Table, read_table

_US_PER_S = 1_000_000


@dataclass(frozen=True)
class Report:
    """What `headway data check` tells of a file. `first` and `last` are closing times of bars."""

    path: Path
    timeframe: str
    rows: int
    first: str
    last: str
    sha256: str
    columns: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_json(self) -> JsonObject:
        problems = [problem.to_json() for problem in self.problems]
        shown = {"path": str(self.path), "columns": list(self.columns), "problems": problems, "ok": self.ok}
        return {**asdict(self), **shown}


def check_file(path: Path, timeframe: str) -> Report:
    """All problems of a file, also when it cannot be read at all. InvalidInput for an unknown timeframe."""
    require_timeframe(timeframe)
    try:
        table = read_table(path)
    except DataError as error:
        return tell_unreadable(path, timeframe, error)
    return check_table(table, timeframe)


def check_table(table: Table, timeframe: str) -> Report:
    """All problems of a file that was read."""
    rows, first, last = describe_span(_known_closes(table, timeframe))
    problems = tuple(find_problems(table, Rules(timeframe)))
    return Report(table.path, timeframe, rows or len(table), first, last, table.sha256, table.named, problems)


def tell_unreadable(path: Path, timeframe: str, error: DataError) -> Report:
    """The one problem of a file that cannot be read."""
    problem = Problem("unreadable", str(error).removeprefix(f"{path}: "))
    return Report(path, timeframe, 0, "", "", "", (), (problem,))


def find_problems(table: Table, rules: Rules) -> Iterator[Problem]:
    """Every problem, in the order in which they are best mended: columns, numbers, bars, times."""
    yield from _check_shape(table)
    if not len(table):
        return
    for column in table.numeric:
        yield from _check_numbers(table, column)
    yield from _check_bars(table)
    if "timestamp" in table.frame.columns:
        yield from check_times(table, rules)


def _check_shape(table: Table) -> Iterator[Problem]:
    found = f"the file has {', '.join(table.named) or 'none'}"
    for name in table.missing:
        wanted = f"{' or '.join(TIME_NAMES)}" if name == "timestamp" else name
        message = f"column {wanted} is missing; {found}. Name it in the first line"
        yield Problem("missing_column", message, name)
    for name in table.twice:
        yield Problem("column_twice", f"column {name} is there twice. Remove or rename one", name)
    for pair in (("bid", "ask"), ("bid_size", "ask_size")):
        there = [name for name in pair if name in table.frame.columns]
        if len(there) == 1:
            message = (
                f"column {there[0]} is there without {pair[1 - pair.index(there[0])]}. Add it, or remove it"
            )
            yield Problem("missing_column", message, there[0])
    if not len(table):
        yield Problem(
            "no_rows", "the file has a header and no rows. Fetch it again with `headway data fetch`"
        )


def _check_numbers(table: Table, column: str) -> Iterator[Problem]:
    values = table.numbers(column)
    empty, text = table.is_empty(column).to_numpy(), table.is_text(column).to_numpy()
    yield from tell(table, column, "empty", empty, "is empty")
    yield from tell(table, column, "not_a_number", text, "is not a number")
    yield from tell(table, column, "not_finite", ~np.isfinite(values) & ~empty & ~text, "is not finite")
    if column in (*PRICES, "bid", "ask"):
        yield from tell(table, column, "not_positive", np.isfinite(values) & (values <= 0), "is not above 0")
    else:
        yield from tell(table, column, "negative", np.isfinite(values) & (values < 0), "is below 0")


def _check_bars(table: Table) -> Iterator[Problem]:
    """Relations inside a row; comparisons with NaN are false, so a number is blamed once."""
    limits = (
        ("high", "low"),
        ("high", "open"),
        ("high", "close"),
        ("open", "low"),
        ("close", "low"),
        ("ask", "bid"),
    )
    for upper, lower in limits:
        if {upper, lower} <= set(table.numeric):
            below = table.numbers(upper) < table.numbers(lower)
            blamed, other = (upper, lower) if upper in ("high", "ask") else (lower, upper)
            word = "below" if blamed == upper else "above"
            first = int(below.argmax())
            against = f"is {word} the {other} of {table.raw(other, first)}"
            yield from tell(table, blamed, f"{blamed}_{word}_{other}", below, against)


def _known_closes(table: Table, timeframe: str) -> Seconds:
    if "timestamp" not in table.frame.columns:
        return np.empty(0, np.int64)
    times_us = table.times_us()
    return np.sort(times_us[times_us != UNREAD_TIME]) // _US_PER_S + TIMEFRAMES_S[timeframe]
