"""Cursors of lists: the place of the last row, as text that callers hand back."""

from __future__ import annotations

import base64
import json

from headway.domain.errors import InvalidInput
from headway.domain.ids import RUN_ID_PATTERN
from headway.ports import Place, RunSort, SortBy

_LENGTHS = {SortBy.STATE: 3}
_MAX_NUMBER = 2**63 - 1  # of a whole number that a database can compare
_NUMBERS = {SortBy.METRIC, SortBy.PROGRESS}


def write_cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False, allow_nan=False).encode()).decode()


def read_cursor(text: str | None, sort: RunSort | None = None) -> Place | None:
    """The place in an order, newest first by default; InvalidInput for what is no cursor of that order."""
    if text is None:
        return None
    by = sort.by if sort is not None else SortBy.CREATED
    try:
        place = json.loads(base64.urlsafe_b64decode(text.encode()), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _unusable(text) from error
    if not isinstance(place, list) or len(place) != _LENGTHS.get(by, 2) or not _fits(place, by):
        raise _unusable(text)
    return tuple(place)


def _fits(place: list[object], by: SortBy) -> bool:
    first, *rest = place
    kind = (int, float) if by in _NUMBERS else str
    texts = all(isinstance(part, str) and "\x00" not in part and part.isprintable() for part in rest)
    if isinstance(first, bool) or not isinstance(first, kind) or not texts:
        return False
    if isinstance(first, int) and abs(first) > _MAX_NUMBER:
        return False
    printable = not isinstance(first, str) or ("\x00" not in first and len(first) <= 200)
    return printable and RUN_ID_PATTERN.fullmatch(str(place[-1])) is not None


def _refuse(name: str) -> object:
    raise ValueError(name)


def _unusable(text: str) -> InvalidInput:
    return InvalidInput("cursor", text, "the cursor that a page of this list gave, with the same order")
