"""Tables that a run leaves, as Parquet."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polars as pl

from headway.wire.rundir import write_whole


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table so that it is there whole or not at all."""
    content = BytesIO()
    table.write_parquet(content)
    write_whole(path, content.getvalue())
