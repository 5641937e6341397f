"""What scripts ask for to draw the results of a run: curves as JSON, trades as a piece of a page."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headway.control import outcomes
from headway.control.context import Context
from headway.domain.errors import HeadwayError, InvalidInput, NotFound
from headway.domain.outcomes import Span
from headway.web.templates import Templates

POINTS = 2_000  # of a chart: more than it has pixels
TRADES = 25  # a page
_MOST = 10_000_000


@dataclass(frozen=True)
class OutcomePage:
    """Routes below `/runs/{id}`; what cannot be answered is told as `message`."""

    context: Context
    templates: Templates

    def routes(self) -> list[Route]:
        return [
            Route("/runs/{run_id}/equity.json", self.get_equity, methods=["GET"]),
            Route("/runs/{run_id}/trades", self.show_trades, methods=["GET"]),
            Route("/runs/{run_id}/predictions.json", self.get_predictions, methods=["GET"]),
            Route("/runs/{run_id}/calibration.json", self.get_calibration, methods=["GET"]),
        ]

    async def get_equity(self, request: Request) -> Response:
        """Agent and buy and hold: `symbol` or all; `from` and `to` in seconds since the epoch."""
        return await self._tell(
            request,
            lambda run_id: outcomes.read_equity(
                self.context, run_id, symbol=_word(request, "symbol"), span=_span(request), points=POINTS
            ),
        )

    async def get_predictions(self, request: Request) -> Response:
        """Forecasts beside what came: `split`, `bar` (ahead), `from` and `to`."""
        return await self._tell(
            request,
            lambda run_id: outcomes.read_path(
                self.context,
                run_id,
                split=_word(request, "split"),
                bar=_count(request, "bar", 1),
                span=_span(request),
                points=POINTS,
            ),
        )

    async def get_calibration(self, request: Request) -> Response:
        """Reliability of the trends, and where what came lay to the intervals: `split`."""
        split = _word(request, "split")
        return await self._tell(
            request, lambda run_id: outcomes.read_calibration(self.context, run_id, split=split)
        )

    async def show_trades(self, request: Request) -> Response:
        """A page of the trades, numbered from 1."""

        def render() -> Response:
            number = max(_count(request, "page", 1), 1)
            page = outcomes.read_trades(
                self.context,
                request.path_params["run_id"],
                symbol=_word(request, "symbol"),
                offset=(number - 1) * TRADES,
                count=TRADES,
            )
            pages = max(math.ceil(page.total / TRADES), 1)
            return self.templates.render(request, "run/trades.html", page=page, number=number, pages=pages)

        return await _answer(render)

    async def _tell(self, request: Request, read: Callable[[str], Any]) -> Response:
        return await _answer(lambda: JSONResponse(asdict(read(request.path_params["run_id"]))))


async def _answer(work: Callable[[], Response]) -> Response:
    try:
        return await run_sync(work)
    except HeadwayError as error:
        return JSONResponse({"message": str(error)}, 404 if isinstance(error, NotFound) else 422)


def _word(request: Request, name: str) -> str | None:
    return request.query_params.get(name) or None


def _count(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= _MOST):
        raise InvalidInput(name, text, f"a whole number up to {_MOST}")
    return int(text)


def _span(request: Request) -> Span:
    return Span(_moment(request, "from"), _moment(request, "to"))


def _moment(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(name, text, "seconds since the epoch")
    return value
