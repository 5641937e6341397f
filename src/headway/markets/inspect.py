"""A file of candles as the datasets API tells of it: sound or not, gaps, types, range."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from headway.domain.clock import format_utc, parse_utc
from headway.domain.coverage import DatasetCheck, DatasetFault
from headway.domain.errors import DataError
from headway.domain.trading import TIMEFRAMES_S
from headway.markets.check import Report, check_table, tell_unreadable
from headway.markets.problems import GAP
from headway.markets.table import Table, read_table

_SCHEMA = {"missing_column", "column_twice", "unreadable", "no_rows"}
_TIMES = "timestamp"


def inspect_file(path: Path, symbol: str, timeframe: str) -> DatasetCheck:
    """Every fault of a file; a gap is a warning, for a training may allow it."""
    try:
        table = read_table(path)
    except DataError as error:
        return _tell(tell_unreadable(path, timeframe, error), symbol, {})
    return _tell(check_table(table, timeframe), symbol, _dtypes(table))


def _tell(report: Report, symbol: str, dtypes: dict[str, str]) -> DatasetCheck:
    faults = tuple(
        DatasetFault("warning" if each.kind == GAP else "error", each.message, each.row)
        for each in report.problems
    )
    kinds = {each.kind for each in report.problems}
    timed = [each for each in report.problems if each.column == _TIMES and each.kind != GAP]
    return DatasetCheck(
        filename=report.path.name,
        symbol=symbol,
        timeframe=report.timeframe,
        rows=report.rows,
        faults=faults,
        schema_valid=not kinds & _SCHEMA,
        times_valid=not timed and not kinds & _SCHEMA,
        gaps=sum(each.count for each in report.problems if each.kind == GAP),
        dtypes=dtypes,
        first=_opening(report.first, report.timeframe),
        last=_opening(report.last, report.timeframe),
    )


def _opening(closing: str, timeframe: str) -> str | None:
    """When the bar opens that closes then: files and lists name a bar by its opening."""
    if not closing:
        return None
    return format_utc(parse_utc(closing) - timedelta(seconds=TIMEFRAMES_S[timeframe]))


def _dtypes(table: Table) -> dict[str, str]:
    """How each known column is read."""
    numeric = dict.fromkeys(table.numeric, "float64")
    return {name: "datetime" if name == _TIMES else numeric.get(name, "text") for name in table.frame.columns}
