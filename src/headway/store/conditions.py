"""What a filter asks of runs and of their marks, as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import and_
from sqlalchemy.sql.elements import ColumnElement

from headway.domain.clock import format_utc
from headway.ports import RunFilter
from headway.store.matching import LAST, SYMBOL, TAG, WORD, read_text

LABELLED = (SYMBOL, TAG)  # marks that state and engine stand beside


class Mark(NamedTuple):
    """One mark, from `low` on and below `high`; both the same for that very value."""

    kind: str
    low: str
    high: str

    @property
    def bounds(self) -> dict[str, str]:
        """As statements of fixed shape take them. No value is `high` itself where it is not also `low`."""
        return {"b_kind": self.kind, "b_low": self.low, "b_high": self.high}


def marks_asked(which: RunFilter) -> list[Mark]:
    """The marks that a run must have, exact ones first."""
    exact = [(TAG, which.tag), (SYMBOL, which.symbol)]
    words = [Mark(WORD, begin, begin + LAST) for begin in read_text(which.text)[1]]
    return [Mark(kind, value, value) for kind, value in exact if value is not None] + words


def is_marked(table: Any, mark: Mark) -> ColumnElement[bool]:
    """That a row of marks is such a mark."""
    exact = mark.low == mark.high
    value = table.c.value == mark.low if exact else and_(table.c.value >= mark.low, table.c.value < mark.high)
    return and_(table.c.kind == mark.kind, value)


def id_begins(which: RunFilter, run_id: ColumnElement[Any]) -> Iterable[ColumnElement[bool]]:
    """That an id begins as the text asks."""
    for begin in read_text(which.text)[0]:
        yield and_(run_id >= begin, run_id < begin + LAST)


def is_labelled(which: RunFilter, table: Any, *, each: bool = False) -> Iterable[ColumnElement[bool]]:
    """Conditions on engine and state, which stand in more than one table. With `each`, as in `is_dated`, no index
    leads to such rows: all are read in another order, and each of them is asked."""
    if which.engines is not None:
        yield _column(table.c.engine, each).in_(sorted(which.engines))
    if which.states is not None:
        yield _column(table.c.state, each).in_(sorted(state.value for state in which.states))


def is_dated(which: RunFilter, table: Any, *, each: bool = False) -> Iterable[ColumnElement[bool]]:
    """Conditions on the time of creation, which stands in more than one table."""
    created_at = _column(table.c.created_at, each)
    if which.created_from is not None:
        yield created_at >= format_utc(which.created_from)
    if which.created_before is not None:
        yield created_at < format_utc(which.created_before)


def _column(column: ColumnElement[Any], each: bool) -> ColumnElement[Any]:
    """The column, or an expression that equals it, for which no database looks into an index."""
    return column.concat("") if each else column
