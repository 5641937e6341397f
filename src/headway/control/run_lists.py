"""Which runs a list is asked for: query parameters to a filter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from headway.control.list_cursors import read_cursor
from headway.control.run_views import STATUSES
from headway.domain.errors import InvalidInput
from headway.ports import RunFilter, RunSort, SortBy
from headway.wire.forecast import parse_moment
from headway.wire.runs import Direction, Status

_ORDERS = {
    "created": SortBy.CREATED,
    "started": SortBy.STARTED,
    "finished": SortBy.FINISHED,
    "name": SortBy.NAME,
    "status": SortBy.STATE,
    "progress": SortBy.PROGRESS,
}
_LINE = r"^[^\x00-\x1f]*$"

Word = Annotated[str | None, Field(max_length=100, pattern=_LINE)]
Moment = Annotated[str | None, Field(max_length=40)]


class ListQuery(BaseModel):
    """Query parameters of GET /runs; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    status: Annotated[Status | None, Field(description="Only runs of this status.")] = None
    kind: Annotated[Word, Field(description="Only runs of this engine: forecast, ppo.")] = None
    symbol: Annotated[Word, Field(description="Only runs on this symbol.")] = None
    tag: Annotated[Word, Field(description="Only runs with this tag.")] = None
    text: Annotated[
        str,
        Field(
            max_length=200,
            pattern=_LINE,
            description="Words; each begins the id, or a word of the name, the tags or the notes.",
        ),
    ] = ""
    created_from: Annotated[Moment, Field(description="Created at or after this time (ISO 8601).")] = None
    created_before: Annotated[Moment, Field(description="Created before this time.")] = None
    sort: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=_LINE,
            description=f"{', '.join(_ORDERS)}, or the name of any metric: runs without it are left out.",
        ),
    ] = "created"
    order: Direction = "desc"
    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before, same order.")] = None


def make_filter(query: ListQuery) -> RunFilter:
    """The filter; InvalidInput for a time or a cursor that is none."""
    states = frozenset(state for state, word in STATUSES.items() if word == query.status)
    sort = _make_sort(query)
    return RunFilter(
        engines=None if query.kind is None else frozenset({query.kind}),
        states=None if query.status is None else states,
        symbol=query.symbol,
        tag=query.tag,
        text=query.text,
        created_from=_moment("created_from", query.created_from),
        created_before=_moment("created_before", query.created_before),
        sort=sort,
        after=read_cursor(query.cursor, sort),
        limit=query.limit,
    )


def _make_sort(query: ListQuery) -> RunSort:
    """By one of the fixed orders, else by a metric of that name."""
    by = _ORDERS.get(query.sort)
    return RunSort(by or SortBy.METRIC, "" if by else query.sort, descending=query.order == "desc")


def _moment(field: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_moment(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, text, "a date or time of ISO 8601, like 2024-01-31") from error
