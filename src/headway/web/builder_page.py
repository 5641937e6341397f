"""`/ui/new`: the builder of runs. The draft lives in the browser; what is wrong with it is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headway.control.context import Context
from headway.control.datasets import check_dataset, read_closes
from headway.control.query import get_view
from headway.control.translate_runs import list_keys
from headway.domain.coverage import Closes, Coverage, DatasetCheck
from headway.domain.errors import HeadwayError, InvalidInput
from headway.domain.json import JsonObject
from headway.web.builder_check import examine
from headway.web.builder_shapes import find_defaults, list_options, say_bounds
from headway.web.builder_summary import summarise
from headway.web.builder_texts import write_texts
from headway.web.gate import scheme_of
from headway.web.kinds import FIRST, KINDS
from headway.web.steps import Field, Kind
from headway.web.templates import Templates

_POINTS = 600  # of the chart
_MAX_FAULTS = 20


@dataclass(frozen=True)
class BuilderPage:
    """Routes of the builder."""

    context: Context
    templates: Templates

    def routes(self) -> list[Route]:
        return [
            Route("/new", self.show, methods=["GET"]),
            Route("/new/check", self.check, methods=["POST"]),
            Route("/new/dataset", self.show_dataset, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """The page of a kind; `from` a run, it begins with what that run was asked for."""
        old = request.query_params.get("from")
        error, begin_with, kind = "", None, KINDS.get(request.query_params.get("kind", FIRST), KINDS[FIRST])
        if old:
            try:
                kind, begin_with = await run_sync(self._read_old, old)
            except HeadwayError as refusal:
                error = str(refusal)
        values = await run_sync(self._values_of, kind, begin_with)
        return self.templates.render(request, "builder/page.html", error=error, old=old, **values)

    async def check(self, request: Request) -> Response:
        """POST {kind, request}: faults by field, what cannot be chosen, the summary, and the texts to copy."""
        body = await request.json()
        kind = KINDS.get(str(body.get("kind"))) if isinstance(body, dict) else None
        if kind is None or not isinstance(body.get("request"), dict):
            return JSONResponse({"message": "{kind, request} is needed"}, 400)
        server = f"{scheme_of(request)}://{request.url.netloc}"
        return JSONResponse(await run_sync(self._check, request, kind, body["request"], server))

    async def show_dataset(self, request: Request) -> Response:
        """A piece of the page: the prices of candles, and everything that is wrong with them."""
        filename = request.query_params.get("filename", "")
        values = await run_sync(self._look_at, filename)
        return self.templates.render(request, "builder/dataset.html", **values)

    def _read_old(self, run_id: str) -> tuple[Kind, JsonObject]:
        spec = get_view(self.context, run_id).run.spec
        kind = next((each for each in KINDS.values() if each.origin == spec.origin), None)
        if kind is None:
            raise InvalidInput("run", run_id, f"made by {spec.origin}, for which there is no builder")
        return kind, spec.request

    def _values_of(self, kind: Kind, begin_with: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "kind": kind,
            "kinds": KINDS.values(),
            "begin_with": dict(kind.begin_with if begin_with is None else begin_with),
            "cloned": begin_with is not None,
            "defaults": _defaults_of(kind.key),
            "presets": _tell_presets(kind),
            "bounds": lambda field: say_bounds(kind, field),
            "options": lambda field: self._options(kind, field),
            "datasets": self.context.candles.list_all(),
            "keys": list_keys(),
        }

    def _options(self, kind: Kind, field: Field) -> list[str]:
        return list(self.context.policy.symbols) if field.path == "symbols" else list_options(kind, field)

    def _check(self, request: Request, kind: Kind, document: JsonObject, server: str) -> JsonObject:
        found = examine(self.context, kind, document)
        summary = summarise(self.context, found.spec) if found.spec else None
        html = self.templates.render(request, "builder/summary.html", summary=summary).body
        texts = write_texts(kind, found.request, found.spec, server) if found.spec and found.request else {}
        return {
            "faults": [asdict(fault) for fault in found.faults[:_MAX_FAULTS]],
            "unavailable": found.unavailable,
            "summary": bytes(html).decode(),
            "headline": summary.headline if summary else "",
            "warned": bool(summary and summary.warnings),
            "texts": texts,
        }

    def _look_at(self, filename: str) -> dict[str, Any]:
        coverage = next((each for each in self.context.candles.list_all() if each.filename == filename), None)
        report: DatasetCheck | None = None
        closes: Closes | None = None
        error = "" if coverage else f"There are no candles called {filename}."
        try:
            report, closes = self._read(coverage) if coverage else (None, None)
        except HeadwayError as refusal:
            error = str(refusal)
        return {"coverage": coverage, "report": report, "closes": closes, "error": error}

    def _read(self, coverage: Coverage) -> tuple[DatasetCheck | None, Closes]:
        """Packaged candles were found sound when they were packaged."""
        report = check_dataset(self.context, coverage.filename) if coverage.origin == "file" else None
        return report, read_closes(self.context, coverage, _POINTS)


@cache
def _defaults_of(key: str) -> dict[str, dict[str, Any]]:
    return find_defaults(KINDS[key])


def _tell_presets(kind: Kind) -> dict[str, str]:
    """`256 wide` and more, a line each, by preset."""
    return {
        preset: "\n".join(words.format(values[path]) for path, words in kind.telling.items())
        for preset, values in _defaults_of(kind.key).items()
    }
