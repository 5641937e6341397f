"""The first rows of a table that a run left, as text for people."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from headway.control.context import Context
from headway.control.datasets import require_package
from headway.control.files import find_file
from headway.domain.errors import CorruptRunFile, InvalidInput

_MAX_COLUMNS = 60
_MAX_CELL = 200
SUFFIX = ".parquet"


@dataclass(frozen=True)
class Head:
    """`rows` are the first of `total_rows`; a cell is None where the table has none."""

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    total_rows: int
    total_columns: int


def read_head(context: Context, run_id: str, name: str, *, rows: int = 50) -> Head:
    """The head of a Parquet file of a run.

    NotFound, Forbidden as `find_file`; InvalidInput for another kind of file; CorruptRunFile for one that is broken;
    PreflightFailed, saying what to install, where polars is missing.
    """
    if not name.endswith(SUFFIX):
        raise InvalidInput("name", name, f"a file that ends in {SUFFIX}")
    path = find_file(context, run_id, name).path
    require_package("polars", "data")
    polars = import_module("polars")
    try:
        lazy = polars.scan_parquet(path)
        schema = lazy.collect_schema()
        shown = list(schema)[:_MAX_COLUMNS]
        total = lazy.select(polars.len()).collect().item()
        found = lazy.select(shown).head(rows).collect()
    except (polars.exceptions.PolarsError, OSError) as error:
        raise CorruptRunFile(f"{name} cannot be read as Parquet: {error}") from error
    return Head(
        columns=shown,
        types=[str(schema[column]) for column in shown],
        rows=[[_say(value) for value in row] for row in found.iter_rows()],
        total_rows=total,
        total_columns=len(schema),
    )


def _say(value: object) -> str | None:
    if value is None:
        return None
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"
