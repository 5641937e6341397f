"""Do the counters of the series agree with the blocks that hold their points?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select

from headway.store.findings import RESTORE, Finding
from headway.store.series import BLOCK, FANOUT, entry_bytes
from headway.store.tables import blocks, counters, series

_Levels = Mapping[int, Row[Any]]


def check_series(connection: Connection) -> Iterator[Finding]:
    """Each series against its blocks, level by level."""
    levels: dict[int, dict[int, Row[Any]]] = defaultdict(dict)
    query = select(
        blocks.c.series_id,
        blocks.c.level,
        func.count().label("blocks"),
        func.max(blocks.c.number).label("last"),
        func.min(blocks.c.first_step).label("first_step"),
        func.sum(func.length(blocks.c.payload)).label("size_bytes"),
    )
    for row in connection.execute(query.group_by(blocks.c.series_id, blocks.c.level)):
        levels[row.series_id][row.level] = row
    highest = 0
    for row in connection.execute(select(series).order_by(series.c.id)):
        highest = row.id
        about = f"{row.run_id} {row.name} of attempt {row.attempt}"
        found = "; ".join(_of_levels(row.points, row.first_step, levels.get(row.id, {})))
        if found:
            yield Finding("series", about, found, RESTORE)
    last = connection.execute(select(counters.c.value).where(counters.c.name == "series_id")).scalar()
    if last is None or last < highest:
        yield Finding("series", "counter", f"the newest series is {highest}, the counter is {last}", RESTORE)


def _of_levels(points: int, first_step: int, levels: _Levels) -> Iterator[str]:
    level = 0
    while points or level in levels:
        row = levels.get(level)
        entries = 0 if row is None else row.size_bytes / entry_bytes(level)
        if entries != points:
            yield f"level {level} has {entries:g} entries, not {points}"
        if row is not None and (row.last + 1 != row.blocks or row.blocks != -(-points // BLOCK)):
            yield f"level {level} has {row.blocks} blocks, the last of them number {row.last}"
        if level == 0 and row is not None and row.first_step != first_step:
            yield f"it begins at step {row.first_step}, not {first_step}"
        points //= FANOUT
        level += 1
