"""The handler of our routes reads requests as FastAPI's own does, whatever is sent."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from headway.api.errors import install_errors
from headway.api.routes import DirectRoute
from headway.wire.jobs import ResumeRequest, TrainingRequest

_JSON = {"content-type": "application/json"}


def _make_app(**options: Any) -> FastAPI:
    app = FastAPI()
    install_errors(app)
    router = APIRouter(**options)

    @router.post("/all/{name}")
    async def take_all(
        name: Annotated[str, Path(max_length=8)],
        body: TrainingRequest,
        number: Annotated[int, Query(ge=1, le=9)],
        flag: Annotated[bool | None, Query()] = None,
        last_event_id: Annotated[int, Header(ge=0)] = 7,
    ) -> Response:
        return JSONResponse([name, body.model_dump(), number, flag, last_event_id])

    @router.post("/maybe")
    def take_maybe(body: ResumeRequest | None = None) -> Response:
        return JSONResponse(body.model_dump() if body else None)

    app.routes.extend(router.routes)
    return app


def _ask(app: FastAPI, path: str, request: dict[str, Any]) -> tuple[int, Any]:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, **request)

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "path", ["/all/me?number=3", "/all/much-too-long?number=0&flag=x", "/all/me", "/maybe"]
)
@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"symbols": ["BTC"], "steps": 5}},
        {"json": {"maxCostUsd": 3.0}, "headers": {"last-event-id": "12"}},
        {"json": {"symbols": "BTC", "unknown": 1}, "headers": {"last-event-id": "-1"}},
        {"json": None},
        {"json": []},
        {},
        {"content": b"", "headers": _JSON},
        {"content": b"{", "headers": _JSON},
        {"content": b'{"steps": NaN}', "headers": _JSON},
        {"content": b'{"steps": 1180591620717411303424}', "headers": _JSON},
        {"content": b'{"notes": "\\ud800"}', "headers": _JSON},
        {"content": b"\xff\xfe", "headers": _JSON},
        {"content": b"[" * 100_000, "headers": _JSON},
        {"content": b"1" * 5_000, "headers": _JSON},
        {"content": b"{}"},
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
        {"content": b"{}", "headers": {"content-type": "application/merge-patch+json; charset=utf-8"}},
        {"content": b"{}", "headers": {"content-type": "text/json"}},
        {"content": b"{}", "headers": {"content-type": "application/octet-stream"}},
        {"content": b"{}", "headers": {"content-type": "nonsense"}},
    ],
)
def test_a_request_is_read_and_refused_as_fastapi_does(path: str, request_: dict[str, Any]) -> None:
    ours, theirs = _make_app(route_class=DirectRoute), _make_app()
    assert _ask(ours, path, request_) == _ask(theirs, path, request_)
