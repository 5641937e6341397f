"""A file of candles as the datasets API tells of it: sound or not, gaps, types, range."""

from __future__ import annotations

from pathlib import Path

from headway.domain.coverage import DatasetCheck, DatasetFault
from headway.domain.errors import DataError
from headway.markets.check import check_file
from headway.markets.problems import GAP
from headway.markets.table import read_table

_SCHEMA = {"missing_column", "column_twice", "unreadable", "no_rows"}
_TIMES = "timestamp"


def inspect_file(path: Path, symbol: str, timeframe: str) -> DatasetCheck:
    """Every fault of a file; a gap is a warning, for a training may allow it."""
    report = check_file(path, timeframe)
    faults = tuple(
        DatasetFault("warning" if each.kind == GAP else "error", each.message, each.row)
        for each in report.problems
    )
    kinds = {each.kind for each in report.problems}
    timed = [each for each in report.problems if each.column == _TIMES and each.kind != GAP]
    return DatasetCheck(
        filename=path.name,
        symbol=symbol,
        timeframe=timeframe,
        rows=report.rows,
        faults=faults,
        schema_valid=not kinds & _SCHEMA,
        times_valid=not timed and not kinds & _SCHEMA,
        gaps=sum(each.count for each in report.problems if each.kind == GAP),
        dtypes=_dtypes(path),
        first=report.first or None,
        last=report.last or None,
    )


def _dtypes(path: Path) -> dict[str, str]:
    """How each known column is read."""
    try:
        table = read_table(path)
    except DataError:
        return {}
    numeric = dict.fromkeys(table.numeric, "float64")
    return {name: "datetime" if name == _TIMES else numeric.get(name, "text") for name in table.frame.columns}
