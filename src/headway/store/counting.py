"""How many runs match. Every row that is looked at lies in an index, and rows of two indexes meet in one order.

A page shows fifty runs, its total may be of a hundred thousand. So no record is read here, and a run is joined only
for what does not stand beside its marks and numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import FromClause, Select, and_, func, select
from sqlalchemy.sql.elements import ColumnElement

from headway.ports import RunFilter, SortBy
from headway.store import statements
from headway.store.conditions import LABELLED, Mark, id_begins, is_dated, is_labelled, is_marked, marks_asked
from headway.store.session import Session
from headway.store.tables import run_marks, run_numbers, runs
from headway.store.totals import Totals


def count_rows(db: Session, which: RunFilter, totals: Totals | None = None) -> int:
    """How many runs match; from `totals` where they have been counted since anything that lists count has changed."""
    if totals is None:
        return _count(db, which)
    version = int(db.scalar(statements.LIST_VERSION, {}))
    found = totals.find(which, version)
    if found is None:
        found = _count(db, which)
        totals.keep(which, version, found)
    return found


def _count(db: Session, which: RunFilter) -> int:
    marks = [_settle(db, mark) for mark in marks_asked(which)]
    settled = [mark for mark in marks if mark is not None]
    if len(settled) < len(marks):
        return 0
    return int(db.execute(_build(which, settled)).scalar_one())


def _settle(db: Session, mark: Mark) -> Mark | None:
    """The beginning of a word as the one word that begins so, where it is one; None where there is none."""
    if mark.low == mark.high:
        return mark
    values = select(run_marks.c.value).where(is_marked(run_marks, mark)).limit(1)
    first = db.execute(values.order_by(run_marks.c.value)).scalar()
    last = db.execute(values.order_by(run_marks.c.value.desc())).scalar()
    if first is None:
        return None
    return Mark(mark.kind, first, first) if first == last else mark


def _build(which: RunFilter, marks: list[Mark]) -> Select[Any]:
    marked = [_rows_of(mark, f"mark_{place}") for place, mark in enumerate(marks)]
    by_metric = which.sort.by is SortBy.METRIC
    labels_of = [rows for mark, rows in zip(marks, marked, strict=True) if mark.kind in LABELLED]
    labels_of += [run_numbers] if by_metric else []
    asked_of_labels = [asked for table in labels_of or [runs] for asked in is_labelled(which, table)]
    dates_of = marked[0] if marked else runs
    conditions = [*asked_of_labels, *is_dated(which, dates_of)]
    if by_metric:
        conditions.append(run_numbers.c.name == which.sort.metric)
    if which.origin is not None:
        conditions.append(runs.c.origin == which.origin)
    tables = [*marked, *([run_numbers] if by_metric else [])]
    asks_of_runs = (asked_of_labels and not labels_of) or (dates_of is runs and list(is_dated(which, runs)))
    if not tables or which.origin is not None or asks_of_runs:
        tables.append(runs)
    conditions += id_begins(which, _id_of(tables[0]))
    return select(func.count()).select_from(_join(tables)).where(*conditions)


def _rows_of(mark: Mark, name: str) -> Any:
    """One row a run: of several words that begin alike a run may have more than one."""
    table = run_marks.alias(name)
    beside = (table.c.state, table.c.engine) if mark.kind in LABELLED else ()
    found = select(table.c.run_id, table.c.created_at, *beside).where(is_marked(table, mark))
    if mark.low != mark.high:
        found = found.distinct()
    return found.subquery(f"{name}_rows")


def _join(tables: list[Any]) -> FromClause:
    first, *others = tables
    joined: FromClause = first
    for table in others:
        joined = joined.join(table, and_(*_meets(first, table)))
    return joined


def _meets(first: Any, other: Any) -> Iterable[ColumnElement[bool]]:
    """That two rows are of one run. Marks lie in order of creation: so two of them are gone through side by side."""
    yield _id_of(first) == _id_of(other)
    if "created_at" in first.c and "created_at" in other.c:
        yield first.c.created_at == other.c.created_at


def _id_of(table: Any) -> ColumnElement[Any]:
    found: ColumnElement[Any] = table.c.id if table is runs else table.c.run_id
    return found
