"""The first page: what runs, what has ended, and how to begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.demo import submit_demo, why_no_demo
from headway.control.query import list_views
from headway.domain.errors import HeadwayError
from headway.domain.states import ACTIVE, TERMINAL
from headway.ports import RunFilter, RunSort, SortBy
from headway.web.run_rows import to_row
from headway.web.templates import Templates

_MAX_RUNNING = 12
_MAX_ENDED = 20


@dataclass(frozen=True)
class HomePage:
    """Routes of the first page."""

    context: Context
    templates: Templates
    owner: str

    def routes(self) -> list[Route]:
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/demo", self.start_demo, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Its script asks for it again from time to time, and takes over what is new."""

        def render() -> Response:
            return self.templates.render(request, "home.html", **self._view())

        return await run_sync(render)

    async def start_demo(self, _: Request) -> Response:
        """Submit the demo, and say where its page is."""

        def work() -> Response:
            run_id = submit_demo(self.context, owner=self.owner)
            return JSONResponse({"id": run_id, "page": f"/ui/runs/{run_id}"}, 201)

        try:
            return await run_sync(work)
        except HeadwayError as error:
            return JSONResponse({"message": str(error)}, 409)

    def _view(self) -> dict[str, Any]:
        now = self.context.clock.now()
        running = list_views(self.context, RunFilter(states=ACTIVE, limit=_MAX_RUNNING))
        waiting = self.context.store.read(lambda tx: tx.queue_length())
        newest_end = RunSort(SortBy.FINISHED)
        ended = list_views(self.context, RunFilter(states=TERMINAL, sort=newest_end, limit=_MAX_ENDED))
        is_new = not (running.total or waiting or ended.total)
        return {
            "running": [to_row(view, now) for view in running.views],
            "running_total": running.total,
            "waiting_total": waiting,
            "ended": [to_row(view, now) for view in ended.views],
            "is_new": is_new,
            "why_no_demo": why_no_demo(self.context) if is_new else "",
            "candles_dir": str(self.context.policy.candles_dir),
        }
