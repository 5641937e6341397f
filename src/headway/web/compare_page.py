"""Runs side by side: their lines in one chart, what differs in what they were told, and whose numbers are best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.numbers import find_differences
from headway.control.query import RunView, get_view, list_views
from headway.control.run_views import to_summary
from headway.domain.errors import NotFound
from headway.domain.metrics import better
from headway.ports import RunFilter
from headway.web.run_sections import say_of
from headway.web.templates import Templates
from headway.wire.runs import MAX_COMPARED, RunSummary

_OFFERED = 50


@dataclass(frozen=True)
class Row:
    """One number of every run, in order. `best`: places of the best; none where no way is known to be better."""

    name: str
    values: list[float | None]
    say: str
    best: frozenset[int]


@dataclass(frozen=True)
class ComparePage:
    """GET /ui/compare?ids=a,b; without ids it asks for them."""

    context: Context
    templates: Templates

    def routes(self) -> list[Route]:
        return [Route("/compare", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        given = ",".join(request.query_params.getlist("ids"))
        ids = list(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
        try:
            if 2 <= len(ids) <= MAX_COMPARED:
                return await run_sync(lambda: self._compare(request, ids))
            why = f"At most {MAX_COMPARED} runs can be compared." if len(ids) > MAX_COMPARED else ""
        except NotFound as error:
            why = f"{error}."
        return await run_sync(lambda: self._ask(request, ids, why))

    def _compare(self, request: Request, ids: list[str]) -> Response:
        found = [get_view(self.context, run_id).run for run_id in ids]
        runs = [to_summary(RunView(run, None, None)) for run in found]
        values: dict[str, Any] = {
            "runs": runs,
            "differences": find_differences([run.spec.config for run in found]),
            "results": make_rows([run.results for run in runs]),
            "best": make_rows([run.best for run in runs]),
            "latest": make_rows([run.latest for run in runs]),
            "is_active": any(not run.ended for run in found),
            "with_equity": [run.id for run in found if self.context.run_dir(run.id).equity.is_file()],
        }
        return self.templates.render(request, "compare.html", **values)

    def _ask(self, request: Request, ids: Sequence[str], why: str) -> Response:
        offered: list[RunSummary] = [
            to_summary(view) for view in list_views(self.context, RunFilter(limit=_OFFERED)).views
        ]
        return self.templates.render(request, "compare_ask.html", offered=offered, ids=ids, why=why)


def make_rows(numbers: Sequence[Any]) -> list[Row]:
    """A row for each name that any run has."""
    names = sorted({name for each in numbers for name in each})
    return [_make_row(name, [each.get(name) for each in numbers]) for name in names]


def _make_row(name: str, values: list[float | None]) -> Row:
    known = [value for value in values if value is not None]
    way = better(name)
    if not way or len(set(known)) < 2:
        return Row(name, values, say_of(name), frozenset())
    best = max(known) if way > 0 else min(known)
    return Row(name, values, say_of(name), frozenset(at for at, value in enumerate(values) if value == best))
