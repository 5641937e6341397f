"""The application: guards, routers, errors, health and metrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from headway.api import examples
from headway.api.datasets import make_datasets_router
from headway.api.document import Document, complete
from headway.api.errors import install_errors
from headway.api.guards import PAGES, LimitBody, LimitHead, RequireSecret
from headway.api.head import AnswerHead
from headway.api.headers import ForbidScripts
from headway.api.hosts import Hosts, RequireHost
from headway.api.jobs import make_jobs_router
from headway.api.routes import make_router
from headway.api.run_files import make_files_router
from headway.api.run_series import make_series_router
from headway.api.runs import make_runs_router
from headway.api.service import Service
from headway.api.sessions import make_sessions_router
from headway.api.sockets import make_stream_route
from headway.api.webhooks import make_webhooks_router
from headway.control.sessions import find_session
from headway.domain.errors import StoreUnavailable


def make_app(
    service: Service, *, secret: str, version: str, hosts: Hosts | None = None, pages: ASGIApp | None = None
) -> FastAPI:
    """The ASGI application over a service, with the pages below `/ui` where there are any.

    It answers to `hosts`, or to loopback.
    """
    app = FastAPI(
        title="Headway",
        version=version,
        summary="Every training is a durable run.",
        docs_url=None,  # FastAPI's page runs scripts of another site, where the cookie of a session holds
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(ForbidScripts),
            Middleware(RequireHost, hosts=hosts or Hosts()),
            Middleware(LimitHead),
            Middleware(RequireSecret, secret=secret, is_known=_make_known(service)),
            Middleware(LimitBody),
            Middleware(AnswerHead),
        ],
    )
    install_errors(app)
    app.routes[:0] = make_jobs_router(
        service
    ).routes  # first, as they are: included, they were looked for each time
    for router in (make_sessions_router(service), _make_health_router(service)):
        app.routes.extend(router.routes)
    for make in (
        make_runs_router,
        make_series_router,
        make_files_router,
        make_datasets_router,
        make_webhooks_router,
    ):
        app.routes.extend(make(service).routes)
    app.routes.append(make_stream_route(service))
    app.openapi = _write_once(app.openapi)  # type: ignore[method-assign]  # as FastAPI has it done
    if pages is not None:
        app.add_route("/", _to_pages)
        app.mount(PAGES, pages)
    return app


def _write_once(write: Callable[[], Document]) -> Callable[[], Document]:
    """The document is written when it is first asked for: that takes as long as a third of a server's start."""
    return cache(lambda: complete(write()))


def _make_known(service: Service) -> Callable[[str], bool]:
    return lambda token: find_session(service.context, token, owner=service.owner) is not None


async def _to_pages(_: Request) -> Response:
    return RedirectResponse(f"{PAGES}/", 307)


def _make_health_router(service: Service) -> APIRouter:
    router = make_router(tag="service")

    @router.get("/health", responses=examples.of_health())
    def get_health() -> Response:
        """Whether the service answers; nothing else is told without the secret."""
        try:
            service.context.store.check()
        except StoreUnavailable:
            return JSONResponse({"status": "unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    @router.get("/metrics", response_class=PlainTextResponse, responses=examples.of_metrics())
    def get_metrics() -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(service.counters.render(), media_type=CONTENT_TYPE_LATEST)

    return router
