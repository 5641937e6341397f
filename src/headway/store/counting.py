"""How many runs match. Every row that is looked at lies in an index, and rows of two indexes meet in one order.

A page shows fifty runs, its total may be of a hundred thousand. So no record is read here, and a run is joined only
for what does not stand beside its marks and numbers.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Select, and_, func, intersect, select
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
    return int(db.execute(_build(which, settled, on_sqlite=db.on_sqlite)).scalar_one())


def _settle(db: Session, mark: Mark) -> Mark | None:
    """The beginning of a word as the one word that begins so, where it is one; None where there is none."""
    if mark.low == mark.high:
        return mark
    first, last = db.run(statements.FIRST_AND_LAST_MARK, mark.bounds).fetchone()
    if first is None:
        return None
    return Mark(mark.kind, first, first) if first == last else mark


def _build(which: RunFilter, marks: list[Mark], *, on_sqlite: bool) -> Select[Any]:
    by_metric = which.sort.by is SortBy.METRIC
    labelled = any(mark.kind in LABELLED for mark in marks)
    tables: list[Any] = [_gather(which, marks, on_sqlite=on_sqlite)] if marks else []
    tables += [run_numbers] if by_metric else []
    if not tables or which.origin is not None or not (labelled or by_metric or _is_without_labels(which)):
        tables.append(runs)
    conditions = [] if labelled else [*is_labelled(which, run_numbers if by_metric else runs)]
    conditions += [] if marks else [*is_dated(which, tables[0])]
    if by_metric:
        conditions.append(run_numbers.c.name == which.sort.metric)
    if by_metric and on_sqlite:
        # Always so; but SQLite would else take the index by run, in which the numbers lie far from one another.
        conditions.append(run_numbers.c.value.is_not(None))
    if which.origin is not None:
        conditions.append(runs.c.origin == which.origin)
    conditions += id_begins(which, _id_of(tables[0]))
    return select(func.count()).select_from(_join(tables)).where(*conditions)


def _is_without_labels(which: RunFilter) -> bool:
    return which.engines is None and which.states is None


def _gather(which: RunFilter, marks: list[Mark], *, on_sqlite: bool) -> FromClause:
    """The runs that have all marks, one row a run: of several words that begin alike a run may have more than one.

    Marks lie in order of creation, so two of them can be gone through side by side. SQLite does that for INTERSECT,
    and seeks each row of a join; PostgreSQL does it for a join, and puts all rows of INTERSECT into a table.
    """
    found = [_rows_of(which, mark) for mark in marks]
    if on_sqlite and len(found) > 1:
        return intersect(*found).order_by("created_at", "run_id").subquery("marked")
    exact = [mark.low == mark.high for mark in marks]
    rows = [(each if one else each.distinct()).subquery() for each, one in zip(found, exact, strict=True)]
    if len(rows) == 1:
        return rows[0]
    return select(rows[0].c.run_id).select_from(_join(rows, dated=True)).subquery("marked")


def _rows_of(which: RunFilter, mark: Mark) -> Select[Any]:
    labels = is_labelled(which, run_marks) if mark.kind in LABELLED else ()
    rows = select(run_marks.c.created_at, run_marks.c.run_id)
    return rows.where(is_marked(run_marks, mark), *labels, *is_dated(which, run_marks))


def _join(tables: list[Any], *, dated: bool = False) -> FromClause:
    """Rows of one run; `dated`: which lie in order of creation, and are gone through in it."""
    first, *others = tables
    joined: FromClause = first
    for table in others:
        same = [_id_of(first) == _id_of(table)]
        same += [first.c.created_at == table.c.created_at] if dated else []
        joined = joined.join(table, and_(*same))
    return joined


def _id_of(table: Any) -> ColumnElement[Any]:
    found: ColumnElement[Any] = table.c.id if table is runs else table.c.run_id
    return found
