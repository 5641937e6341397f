"""Series of numbers in SQL: see series.py for what is in a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, update

from headway.store.overlap import Part
from headway.store.series import Block, append
from headway.store.session import Session
from headway.store.tables import blocks, counters, series

_ID = "series_id"

_NEXT_ID = (
    update(counters)
    .where(counters.c.name == _ID)
    .values(value=counters.c.value + 1)
    .returning(counters.c.value)
)
_FIND_SERIES = select(series.c.id, series.c.points, series.c.first_step).where(
    series.c.run_id == bindparam("b_run"),
    series.c.name == bindparam("b_name"),
    series.c.attempt == bindparam("b_attempt"),
)
_INSERT_SERIES = insert(series)
_GROW_SERIES = (
    update(series)
    .where(series.c.id == bindparam("b_id"))
    .values(points=bindparam("points"), first_step=bindparam("first_step"))
)
_PLACE = and_(
    blocks.c.series_id == bindparam("b_id"),
    blocks.c.level == bindparam("b_level"),
    blocks.c.number == bindparam("b_number"),
)
_OVERLAP = and_(
    blocks.c.series_id == bindparam("b_id"),
    blocks.c.level == bindparam("b_level"),
    blocks.c.last_step >= bindparam("b_first"),
    blocks.c.first_step <= bindparam("b_last"),
)
_CONTENT = (blocks.c.first_step, blocks.c.last_step, blocks.c.payload)
_FIND_BLOCK = select(*_CONTENT).where(_PLACE)
_INSERT_BLOCK = insert(blocks)
_UPDATE_BLOCK = (
    update(blocks)
    .where(_PLACE)
    .values(
        first_step=bindparam("first_step"), last_step=bindparam("last_step"), payload=bindparam("payload")
    )
)
_OVERLAPPING = select(blocks.c.number, *_CONTENT).where(_OVERLAP).order_by(blocks.c.number)
_COUNT_OVERLAPPING = select(func.count()).select_from(blocks).where(_OVERLAP)


@dataclass(frozen=True)
class SqlBlocks:
    """The blocks of one series."""

    session: Session
    series_id: int

    def find(self, level: int, number: int) -> Block | None:
        place = {"b_id": self.series_id, "b_level": level, "b_number": number}
        row = self.session.run(_FIND_BLOCK, place).fetchone()
        return None if row is None else Block(*row)

    def put(self, level: int, number: int, block: Block) -> None:
        place = {"b_id": self.series_id, "b_level": level, "b_number": number}
        content = {
            "first_step": block.first_step,
            "last_step": block.last_step,
            "payload": block.payload,
        }
        if self.session.run(_UPDATE_BLOCK, {**place, **content}).rowcount == 0:
            row = {"series_id": self.series_id, "level": level, "number": number, **content}
            self.session.run(_INSERT_BLOCK, row)

    def overlapping(self, level: int, first_step: int, last_step: int) -> list[tuple[int, Block]]:
        bounds = self._bounds(level, first_step, last_step)
        return [(row[0], Block(*row[1:])) for row in self.session.run(_OVERLAPPING, bounds)]

    def count_overlapping(self, level: int, first_step: int, last_step: int) -> int:
        bounds = self._bounds(level, first_step, last_step)
        return int(self.session.scalar(_COUNT_OVERLAPPING, bounds))

    def _bounds(self, level: int, first_step: int, last_step: int) -> dict[str, int]:
        return {"b_id": self.series_id, "b_level": level, "b_first": first_step, "b_last": last_step}


@dataclass(frozen=True)
class SqlSeries:
    """All series of a database."""

    session: Session

    def append(self, run_id: str, attempt: int, name: str, pairs: Sequence[tuple[int, float]]) -> None:
        """Add points to a series, which is made when it is not there."""
        key = {"b_run": run_id, "b_name": name, "b_attempt": attempt}
        row = self.session.run(_FIND_SERIES, key).fetchone()
        lowest = min(step for step, _ in pairs)
        series_id, points, first = row or (self._create(run_id, attempt, name, lowest), 0, lowest)
        append(SqlBlocks(self.session, series_id), points, pairs)
        grown = {"b_id": series_id, "points": points + len(pairs), "first_step": min(first, lowest)}
        self.session.run(_GROW_SERIES, grown)

    def parts(self, run_id: str, name: str, attempt: int | None) -> list[Part]:
        """The series of that name, one an attempt."""
        which: list[ColumnElement[bool]] = [series.c.run_id == run_id, series.c.name == name]
        if attempt is not None:
            which.append(series.c.attempt == attempt)
        rows = self.session.execute(select(series).where(*which))
        return [
            Part(row.attempt, row.first_step, row.points, SqlBlocks(self.session, row.id)) for row in rows
        ]

    def names(self, run_id: str) -> list[str]:
        found = select(series.c.name).where(series.c.run_id == run_id).distinct().order_by(series.c.name)
        return list(self.session.execute(found).scalars())

    def count_points(self, run_id: str) -> int:
        found = select(func.coalesce(func.sum(series.c.points), 0)).where(series.c.run_id == run_id)
        return int(self.session.execute(found).scalar_one())

    def measure(self, run_id: str) -> int:
        """Bytes of all blocks of a run."""
        size = func.coalesce(func.sum(func.length(blocks.c.payload)), 0)
        return int(self.session.execute(select(size).where(_of_run(run_id))).scalar_one())

    def remove(self, run_id: str) -> None:
        self.session.execute(delete(blocks).where(_of_run(run_id)))
        self.session.execute(delete(series).where(series.c.run_id == run_id))

    def _create(self, run_id: str, attempt: int, name: str, first_step: int) -> int:
        series_id = int(self.session.scalar(_NEXT_ID, {}))
        row = {
            "id": series_id,
            "run_id": run_id,
            "attempt": attempt,
            "name": name,
            "points": 0,
            "first_step": first_step,
        }
        self.session.run(_INSERT_SERIES, row)
        return series_id


def _of_run(run_id: str) -> ColumnElement[bool]:
    return blocks.c.series_id.in_(select(series.c.id).where(series.c.run_id == run_id))
