"""Lists of runs in SQL: every filter and every order has an index, and a page begins where the last one ended.

The page is found as ids alone, in narrow indexes; only then are its records read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, delete, func, insert, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from headway.domain.clock import format_utc
from headway.domain.runs import Run
from headway.ports import RunFilter, RunRows, RunSort, SortBy
from headway.store.codec import decode_run
from headway.store.matching import LAST, SYMBOL, TAG, WORD, marks_of, numbers_of, read_text
from headway.store.session import Session
from headway.store.tables import run_marks, run_numbers, runs

Columns = tuple[ColumnElement[Any], ...]

_COMMON = 2_000


class Mark(NamedTuple):
    """One mark, from `low` on and below `high`; both the same for that very value."""

    kind: str
    low: str
    high: str


_DELETE_MARKS = delete(run_marks).where(run_marks.c.run_id == bindparam("b_id"))
_DELETE_NUMBERS = delete(run_numbers).where(run_numbers.c.run_id == bindparam("b_id"))
_INSERT_MARKS = insert(run_marks)
_INSERT_NUMBERS = insert(run_numbers)
_ORDERS: dict[SortBy, Columns] = {
    SortBy.CREATED: (runs.c.created_at, runs.c.id),
    SortBy.STARTED: (runs.c.started_at, runs.c.id),
    SortBy.FINISHED: (runs.c.finished_at, runs.c.id),
    SortBy.NAME: (runs.c.sort_name, runs.c.id),
    SortBy.STATE: (runs.c.state, runs.c.created_at, runs.c.id),
    SortBy.PROGRESS: (runs.c.fraction, runs.c.id),
    SortBy.METRIC: (run_numbers.c.value, run_numbers.c.run_id),
}


def list_rows(db: Session, which: RunFilter) -> RunRows:
    """A page of runs in the order asked for."""
    columns = _order(which)
    found = _narrow(select(*columns), which, _find_common(db, which))
    if which.after is not None:
        here, there = tuple_(*columns), tuple_(*which.after)
        found = found.where(here < there if which.sort.descending else here > there)
    ordered = [column.desc() if which.sort.descending else column.asc() for column in columns]
    places = [tuple(row) for row in db.execute(found.order_by(*ordered).limit(which.limit))]
    last = places[-1] if places and len(places) == which.limit else None
    return RunRows(_read_records(db, [place[-1] for place in places]), last)


def count_rows(db: Session, which: RunFilter) -> int:
    """How many runs match."""
    if which.sort.by is not SortBy.METRIC:
        which = replace(which, sort=RunSort())
    return int(db.execute(_narrow(select(func.count()), which)).scalar_one())


def index_labels(db: Session, run: Run, *, new: bool = False) -> None:
    """Keep what a run can be found by."""
    if not new:
        db.execute(_DELETE_MARKS, {"b_id": run.id})
    created_at = format_utc(run.created_at)
    rows = [
        {"run_id": run.id, "kind": kind, "value": value, "created_at": created_at}
        for kind, value in marks_of(run)
    ]
    if rows:
        db.execute(_INSERT_MARKS, rows)


def index_numbers(db: Session, run: Run) -> None:
    """Keep the numbers that runs are sorted by."""
    db.execute(_DELETE_NUMBERS, {"b_id": run.id})
    rows = [{"run_id": run.id, "name": name, "value": value} for name, value in numbers_of(run).items()]
    if rows:
        db.execute(_INSERT_NUMBERS, rows)


def _read_records(db: Session, ids: list[str]) -> list[Run]:
    found = db.execute(select(runs.c.id, runs.c.record).where(runs.c.id.in_(ids)))
    records: dict[str, str] = {row.id: row.record for row in found}
    return [decode_run(records[run_id]) for run_id in ids]


def _order(which: RunFilter) -> Columns:
    """The columns of the order, of the table whose index gives both the filter and the order where there is one."""
    if which.sort.by is SortBy.CREATED and _mark(which) is not None:
        return (run_marks.c.created_at, run_marks.c.run_id)
    return _ORDERS[which.sort.by]


def _mark(which: RunFilter) -> Mark | None:
    """The mark that the list is read along: a page in order of creation needs no sorting then."""
    exact = [mark for mark in _marks(which) if mark.kind != WORD]
    return exact[0] if exact and which.sort.by is SortBy.CREATED else None


def _narrow(query: Select[Any], which: RunFilter, common: Iterable[Mark] = ()) -> Select[Any]:
    """The rows that match. Of a mark that many runs have each row is asked in turn, for a page is soon full then;
    of any other mark the runs are gathered first."""
    along = _mark(which)
    marks = [mark for mark in _marks(which) if mark != along]
    conditions = [*_own(which), *(_has_mark(mark, each=mark in common) for mark in marks)]
    conditions += [and_(runs.c.id >= begin, runs.c.id < begin + LAST) for begin in read_text(which.text)[0]]
    if along is not None:
        query = query.select_from(run_marks)
        if conditions:
            query = query.join(runs, runs.c.id == run_marks.c.run_id)
        query = query.where(_is_marked(run_marks, along))
    elif which.sort.by is SortBy.METRIC:
        query = query.select_from(run_numbers)
        if conditions:
            query = query.join(runs, runs.c.id == run_numbers.c.run_id)
        query = query.where(run_numbers.c.name == which.sort.metric)
    else:
        query = query.select_from(runs)
    return query.where(*conditions)


def _marks(which: RunFilter) -> list[Mark]:
    exact = [(TAG, which.tag), (SYMBOL, which.symbol)]
    words = [Mark(WORD, begin, begin + LAST) for begin in read_text(which.text)[1]]
    return [Mark(kind, value, value) for kind, value in exact if value is not None] + words


def _find_common(db: Session, which: RunFilter) -> set[Mark]:
    """The marks that more than a few pages of runs have."""
    return {mark for mark in _marks(which) if _count_up_to(db, mark, _COMMON) == _COMMON}


def _count_up_to(db: Session, mark: Mark, most: int) -> int:
    some = select(run_marks.c.run_id).where(_is_marked(run_marks, mark)).limit(most).subquery()
    return int(db.execute(select(func.count()).select_from(some)).scalar_one())


def _has_mark(mark: Mark, *, each: bool) -> ColumnElement[bool]:
    other = run_marks.alias()
    found = select(other.c.run_id).where(_is_marked(other, mark))
    return found.where(other.c.run_id == runs.c.id).exists() if each else runs.c.id.in_(found)


def _is_marked(table: Any, mark: Mark) -> ColumnElement[bool]:
    exact = mark.low == mark.high
    value = table.c.value == mark.low if exact else and_(table.c.value >= mark.low, table.c.value < mark.high)
    return and_(table.c.kind == mark.kind, value)


def _own(which: RunFilter) -> Iterable[ColumnElement[bool]]:
    """Conditions on the columns of a run."""
    if which.engines is not None:
        yield runs.c.engine.in_(sorted(which.engines))
    if which.origin is not None:
        yield runs.c.origin == which.origin
    if which.states is not None:
        yield runs.c.state.in_(sorted(state.value for state in which.states))
    if which.created_from is not None:
        yield runs.c.created_at >= format_utc(which.created_from)
    if which.created_before is not None:
        yield runs.c.created_at < format_utc(which.created_before)
