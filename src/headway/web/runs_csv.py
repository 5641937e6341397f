"""Runs as comma-separated values, written as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from headway.control.context import Context
from headway.control.query import get_view
from headway.control.run_views import STATUSES
from headway.domain.clock import format_utc
from headway.domain.errors import NotFound
from headway.domain.json import encode_json
from headway.domain.runs import Run
from headway.domain.subjects import symbols_of, timeframes_of
from headway.ports import RunFilter
from headway.web.run_rows import numbers_of, pick_number

COLUMNS = (
    *(
        "id",
        "name",
        "kind",
        "executor",
        "status",
        "reason",
        "error",
        "symbols",
        "timeframes",
        "tags",
        "notes",
    ),
    *("created_at", "started_at", "completed_at", "fraction", "metric", "value", "numbers"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_filtered(context: Context, which: RunFilter, metric: str | None) -> Iterator[str]:
    """All runs of a filter, a page at a time, with a head."""
    yield _write([COLUMNS])
    while True:
        rows = context.store.read(lambda tx, asked=which: tx.list_runs(asked))  # type: ignore[misc]
        yield _write(_cells(run, metric) for run in rows.runs)
        if rows.last is None:
            return
        which = replace(which, after=rows.last)


def write_named(context: Context, ids: Sequence[str], metric: str | None) -> Iterator[str]:
    """The runs of these ids that there are, with a head."""
    yield _write([COLUMNS])
    for run_id in ids:
        try:
            yield _write([_cells(get_view(context, run_id).run, metric)])
        except NotFound:
            continue


def _cells(run: Run, metric: str | None) -> tuple[object, ...]:
    number = pick_number(run, metric)
    return (
        *(run.id, _plain(run.name), run.spec.engine, run.spec.executor, STATUSES[run.state]),
        *(
            run.reason or "",
            _plain(run.error or ""),
            " ".join(symbols_of(run.spec)),
            " ".join(timeframes_of(run.spec)),
        ),
        *(" ".join(run.tags), _plain(run.notes)),
        *(format_utc(at) if at else "" for at in (run.created_at, run.started_at, run.finished_at)),
        *(run.progress.fraction, number.name if number else "", number.value if number else None),
        encode_json(dict(numbers_of(run))).decode(),
    )


def _plain(text: str) -> str:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
