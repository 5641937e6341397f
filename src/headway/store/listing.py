"""Lists of runs in SQL: every filter and every order has an index, and a page begins where the last one ended.

The page is found as ids alone, in narrow indexes; only then are its records read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, bindparam, delete, literal, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from headway.domain.clock import format_utc
from headway.domain.runs import Run
from headway.ports import RunFilter, RunRows, SortBy
from headway.store import statements
from headway.store.codec import decode_run
from headway.store.conditions import LABELLED, Mark, id_begins, is_dated, is_labelled, is_marked, marks_asked
from headway.store.matching import WORD, marks_of, numbers_of
from headway.store.session import Session
from headway.store.tables import run_marks, run_numbers, runs

Columns = tuple[ColumnElement[Any], ...]

_COMMON = 2_000


_DELETE_MARKS = delete(run_marks).where(run_marks.c.run_id == bindparam("b_id"))
_DELETE_NUMBERS = delete(run_numbers).where(run_numbers.c.run_id == bindparam("b_id"))
_MOVE_NUMBERS = (
    update(run_numbers)
    .where(run_numbers.c.run_id == bindparam("b_id"), run_numbers.c.state != bindparam("b_state"))
    .values(state=bindparam("b_state"))
)
_MOVE_MARKS = (
    update(run_marks)
    .where(
        run_marks.c.run_id == bindparam("b_id"), run_marks.c.kind.in_([literal(kind) for kind in LABELLED])
    )
    .values(state=bindparam("b_state"))
)
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


def index_labels(db: Session, run: Run, *, new: bool = False) -> None:
    """Keep what a run can be found by."""
    if not new:
        db.run(_DELETE_MARKS, {"b_id": run.id})
    created_at = format_utc(run.created_at)
    beside = {"engine": run.spec.engine, "state": run.state.value}
    nothing = dict.fromkeys(beside)
    for kind, value in marks_of(run):
        row = {"run_id": run.id, "kind": kind, "value": value, "created_at": created_at}
        db.insert(run_marks, row | (beside if kind in LABELLED else nothing))


def index_numbers(db: Session, run: Run) -> None:
    """Keep the numbers that runs are sorted by."""
    db.run(_DELETE_NUMBERS, {"b_id": run.id})
    of_run = {
        "run_id": run.id,
        "engine": run.spec.engine,
        "state": run.state.value,
        "created_at": format_utc(run.created_at),
    }
    for name, value in numbers_of(run).items():
        db.insert(run_numbers, {**of_run, "name": name, "value": value})


def index_state(db: Session, run: Run) -> None:
    """Keep the state beside the numbers and the marks."""
    moved = {"b_id": run.id, "b_state": run.state.value}
    db.run(_MOVE_NUMBERS, moved)
    db.run(_MOVE_MARKS, moved)


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
    exact = [mark for mark in marks_asked(which) if mark.kind != WORD]
    return exact[0] if exact and which.sort.by is SortBy.CREATED else None


def _narrow(query: Select[Any], which: RunFilter, common: Iterable[Mark] = ()) -> Select[Any]:
    """The rows that match. Of a mark that many runs have each row is asked in turn, for a page is soon full then;
    of any other mark the runs are gathered first."""
    along, by_metric = _mark(which), which.sort.by is SortBy.METRIC
    table = run_marks if along is not None else run_numbers if by_metric else runs
    run_id = table.c.id if table is runs else table.c.run_id
    each = which.sort.by is not SortBy.CREATED  # by creation there is an index for each state, and engine
    query = query.select_from(table)
    if table is not runs and which.origin is not None:
        query = query.join(runs, runs.c.id == run_id)
    conditions = [
        *is_labelled(which, table, each=each),
        *is_dated(which, table, each=each),
        *id_begins(which, run_id),
        *(_has_mark(mark, run_id, each=mark in common) for mark in marks_asked(which) if mark != along),
    ]
    if along is not None:
        conditions.append(is_marked(run_marks, along))
    if by_metric:
        conditions.append(run_numbers.c.name == which.sort.metric)
    if which.origin is not None:
        conditions.append(runs.c.origin == which.origin)
    return query.where(*conditions)


def _find_common(db: Session, which: RunFilter) -> set[Mark]:
    """The marks that more than a few pages of runs have."""
    bounds = {mark: {**mark.bounds, "b_most": _COMMON} for mark in marks_asked(which)}
    return {mark for mark in bounds if db.scalar(statements.COUNT_MARKED, bounds[mark]) == _COMMON}


def _has_mark(mark: Mark, run_id: ColumnElement[Any], *, each: bool) -> ColumnElement[bool]:
    other = run_marks.alias()
    found = select(other.c.run_id).where(is_marked(other, mark))
    if not each:
        return run_id.in_(found)
    # OFFSET keeps PostgreSQL from joining: it would gather and sort all runs to show fifty.
    return found.where(other.c.run_id == run_id).offset(0).exists()
