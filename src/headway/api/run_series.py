"""`/runs/{id}/metrics` and `/runs/{id}/logs`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from headway.api import run_examples as examples
from headway.api.jobs import as_json
from headway.api.packing import PackedRoute
from headway.api.runs import Names, RunId, split_names
from headway.api.service import Service
from headway.control.console import Wanted, read_page
from headway.control.datasets import require_package
from headway.control.numbers import Numbers, Window, read_numbers
from headway.domain.errors import InvalidInput
from headway.wire import run_records, runs

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"

_MAX_NUMBER = 2**63 - 1
_MAX_ATTEMPT = 1_000_000
_POINTS = 1000  # of each series, as JSON; a table has them all
_MAX_POINTS = 1_000_000
_ROWS_AT_ONCE = 1000

Attempt = Annotated[int | None, Query(ge=1, le=_MAX_ATTEMPT, description="All, or the newest, by default.")]
Step = Annotated[int | None, Query(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]


def make_series_router(service: Service) -> APIRouter:
    """Routes over one service."""
    router = APIRouter(prefix="/runs", tags=["runs"], route_class=PackedRoute)
    _add_metrics(router, service)
    _add_logs(router, service)
    return router


def _add_metrics(router: APIRouter, service: Service) -> None:
    @router.get("/{run_id}/metrics", response_model=run_records.MetricSeries, responses=examples.of_metrics())
    def get_metrics(  # noqa: PLR0913  (a parameter of the query each)
        run_id: RunId,
        names: Names = None,
        first_step: Step = None,
        last_step: Step = None,
        attempt: Attempt = None,
        points: Annotated[
            int | None,
            Query(ge=1, le=_MAX_POINTS, description="Of each series, at most; extremes are kept."),
        ] = None,
        table: Annotated[runs.TableFormat, Query(alias="format")] = "json",
    ) -> Response:
        """Series of numbers, as JSON or as a table of name, step and value."""
        most = points or (_POINTS if table == "json" else _MAX_POINTS)
        window = Window(split_names(names), attempt, first_step, last_step, most)
        found = read_numbers(service.context, run_id, window)
        if table == "json":
            return as_json(_to_series(run_id, found))
        headers = {"Content-Disposition": f'attachment; filename="{run_id}-metrics.{table}"'}
        headers |= {"X-Thinned": ",".join(map(quote, found.thinned))} if found.thinned else {}
        if table == "csv":
            return StreamingResponse(_write_csv(found), media_type=CSV, headers=headers)
        return Response(_write_parquet(found), media_type=PARQUET, headers=headers)


def _add_logs(router: APIRouter, service: Service) -> None:
    @router.get("/{run_id}/logs", response_model=run_records.LogPage, responses=examples.of_logs())
    def get_logs(
        run_id: RunId,
        tail: Annotated[int, Query(ge=0, le=10_000, description="Lines, at most.")] = 200,
        offset: Annotated[int | None, Query(ge=0, le=_MAX_NUMBER, description="Byte to go on from.")] = None,
        search: Annotated[str, Query(max_length=200, description="Only lines with this text.")] = "",
        attempt: Attempt = None,
    ) -> Response:
        """The console: its last lines, or from an offset on; with `search` from the beginning on.

        `next_offset` is where to go on while `done` is false.
        """
        if (offset is not None or search) and not tail:
            raise InvalidInput("tail", tail, "at least 1 with an offset or a search")
        page = read_page(service.context, run_id, Wanted(attempt, offset, tail, search))
        return as_json(
            run_records.LogPage(
                run_id=run_id,
                attempt=page.attempt,
                lines=[run_records.LogLine(offset=line.offset, text=line.text) for line in page.lines],
                next_offset=page.next_offset,
                size_bytes=page.size_bytes,
                done=page.done,
            )
        )


def _to_series(run_id: str, found: Numbers) -> run_records.MetricSeries:
    series = {
        name: run_records.Series(steps=list(points), values=list(points.values()))
        for name, points in found.series.items()
    }
    return run_records.MetricSeries(run_id=run_id, names=found.names, series=series, thinned=found.thinned)


def _rows(found: Numbers) -> Iterator[tuple[str, int, float]]:
    return ((name, step, value) for name, points in found.series.items() for step, value in points.items())


def _write_csv(found: Numbers) -> Iterator[str]:
    rows: Iterator[tuple[object, ...]] = iter([("name", "step", "value")])
    remaining = _rows(found)
    while part := list(rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(part)
        yield text.getvalue()
        rows = islice(remaining, _ROWS_AT_ONCE)


def _write_parquet(found: Numbers) -> bytes:
    require_package("polars", "data")
    polars = import_module("polars")
    columns = ("name", "step", "value")
    rows = list(_rows(found))
    frame = polars.DataFrame(
        {column: [row[place] for row in rows] for place, column in enumerate(columns)},
        schema={"name": polars.String, "step": polars.Int64, "value": polars.Float64},
    )
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()
