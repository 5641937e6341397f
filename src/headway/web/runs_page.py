"""The list of all runs: looked through, kept fresh, acted upon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from headway.control.context import Context
from headway.control.list_cursors import write_cursor
from headway.control.numbers import Window, read_numbers
from headway.control.query import get_view, list_views
from headway.domain.clock import format_utc
from headway.domain.errors import InvalidInput, NotFound
from headway.ports import RunFilter
from headway.web import listing, many
from headway.web.listing import Listing, read_listing
from headway.web.run_rows import RunRow, metric_names, to_row
from headway.web.runs_csv import write_filtered, write_named
from headway.web.sparkline import POINTS, draw_sparkline
from headway.web.templates import Templates
from headway.wire.forecast import parse_moment

PAGE = 50
_CSV_PAGE = 200
_MAX_IDS = 200
_CHOICES = {
    "statuses": listing.STATUSES,
    "kinds": listing.KINDS,
    "since": listing.SINCE,
    "orders": listing.ORDERS,
    "csv": listing.CSV,
}
_KEEP = {"Cache-Control": "private, max-age=86400"}


@dataclass(frozen=True)
class RunsPage:
    """Routes of the list. What scripts ask for lies below `/list`, so that no run can have its address."""

    context: Context
    templates: Templates
    owner: str

    def routes(self) -> list[Route]:
        return [
            Route("/runs", self.show, methods=["GET"]),
            Route("/list/rows", self.show_rows, methods=["GET"]),
            Route("/list/runs.csv", self.export, methods=["GET"]),
            Route("/list/curve/{run_id}.svg", self.draw, methods=["GET"]),
            Route("/list/cancel", self.cancel, methods=["POST"]),
            Route("/list/tag", self.tag, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """A page of the list; what the address asks for and cannot be had is told on it."""

        def render() -> Response:
            now = self.context.clock.now()
            try:
                asked = read_listing(request.query_params, now, PAGE)
            except InvalidInput as error:
                shown = Listing({}, RunFilter(limit=PAGE))
                return self._render(request, 422, listing=shown, rows=[], problem=str(error))
            page = list_views(self.context, asked.which)
            return self._render(
                request,
                200,
                listing=asked,
                shown_at=format_utc(now),
                rows=[to_row(view, now, asked.metric) for view in page.views],
                metrics=metric_names(page.views),
                total=page.total,
                next_cursor=write_cursor(page.last) or "",
            )

        return await run_sync(render)

    async def show_rows(self, request: Request) -> Response:
        """Rows as they are now, of the runs that are named; those that are not there are left out.

        And how many runs the list would have besides that were created since `shown_at`.
        """

        def render() -> Response:
            now = self.context.clock.now()
            asked = read_listing(request.query_params, now, PAGE)
            found = [self._find_row(run_id, asked.metric, now) for run_id in _ids(request)]
            return self.templates.render(
                request,
                "runs/fresh.html",
                rows=[row for row in found if row],
                listing=asked,
                new_count=self._count_new(asked.which, request.query_params.get("shown_at")),
            )

        return await _answer(render)

    async def draw(self, request: Request) -> Response:
        """One series of a run as a small picture."""

        def render() -> Response:
            name = request.query_params.get("name", "")
            found = read_numbers(self.context, request.path_params["run_id"], Window((name,), points=POINTS))
            return Response(draw_sparkline(found.series[name]), media_type="image/svg+xml", headers=_KEEP)

        return await _answer(render)

    async def export(self, request: Request) -> Response:
        """Runs as a table: those that are named, else all that the address of the list asks for."""

        def write() -> Response:
            asked = read_listing(request.query_params, self.context.clock.now(), _CSV_PAGE)
            ids = _ids(request)
            lines = (
                write_named(self.context, ids, asked.metric)
                if ids
                else write_filtered(self.context, asked.which, asked.metric)
            )
            headers = {"Content-Disposition": 'attachment; filename="runs.csv"'}
            return StreamingResponse(lines, media_type="text/csv", headers=headers)

        return await _answer(write)

    async def cancel(self, request: Request) -> Response:
        """Ask several runs to end; how many were asked, and why others were not."""
        body = await request.body()
        return await _answer(lambda: _tell(many.cancel_all(self.context, many.read(body).ids, self.owner)))

    async def tag(self, request: Request) -> Response:
        """One more tag for several runs."""
        body = await request.body()

        def work() -> Response:
            asked = many.read(body)
            return _tell(many.tag_all(self.context, asked.ids, asked.tag))

        return await _answer(work)

    def _find_row(self, run_id: str, metric: str | None, now: datetime) -> RunRow | None:
        try:
            return to_row(get_view(self.context, run_id), now, metric)
        except NotFound:
            return None

    def _count_new(self, which: RunFilter, shown_at: str | None) -> int:
        """How many runs match that were created since a list was shown; 0 where nothing says when that was."""
        if shown_at is None:
            return 0
        moments = (parse_moment(shown_at), which.created_from)
        newer = replace(which, created_from=max(each for each in moments if each))
        return self.context.store.read(lambda tx: tx.count_runs(newer))

    def _render(self, request: Request, status: int, **values: Any) -> Response:
        known = {"problem": "", "metrics": [], "total": 0, "next_cursor": "", "shown_at": ""}
        symbols = self.context.policy.symbols
        return self.templates.render(
            request, "runs/page.html", status, **{**_CHOICES, **known, "symbols": symbols, **values}
        )


def _ids(request: Request) -> list[str]:
    ids = [part for part in request.query_params.get("ids", "").split(",") if part]
    if len(ids) > _MAX_IDS:
        raise InvalidInput("ids", f"{len(ids)} ids", f"at most {_MAX_IDS}")
    return ids


async def _answer(work: Callable[[], Response]) -> Response:
    """For scripts: a body that is none of ours is told as `message`, like all else that is refused."""
    try:
        return await run_sync(work)
    except ValueError as error:
        return JSONResponse({"message": str(error)}, 422)


def _tell(outcome: many.Outcome) -> Response:
    return JSONResponse({"done": outcome.done, "left": outcome.left})
