"""The application: guards, routers, errors, health and metrics."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware

from headway.api.errors import install_errors
from headway.api.guards import LimitBody, RequireSecret
from headway.api.jobs import make_jobs_router
from headway.api.service import Service
from headway.api.sessions import make_sessions_router
from headway.domain.errors import StoreUnavailable


def make_app(service: Service, *, secret: str, version: str) -> FastAPI:
    """The ASGI application over a service; all below `/api` needs the secret."""
    app = FastAPI(
        title="Headway",
        version=version,
        summary="Every training is a durable run.",
        middleware=[Middleware(RequireSecret, secret=secret), Middleware(LimitBody)],
    )
    install_errors(app)
    app.include_router(make_jobs_router(service))
    app.include_router(make_sessions_router(service))
    _add_health(app, service)
    app.openapi_schema = _without_framework_errors(app.openapi())
    return app


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/health", tags=["service"])
    def get_health() -> Response:
        """Whether the service answers; nothing else is told without the secret."""
        try:
            service.context.store.check()
        except StoreUnavailable:
            return JSONResponse({"status": "unavailable"}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/metrics", tags=["service"])
    def get_metrics() -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(service.counters.render(), media_type=CONTENT_TYPE_LATEST)


def _without_framework_errors(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI tells of validation errors that this application answers otherwise (see errors.py): leave them out."""
    for routes in schema["paths"].values():
        for route in routes.values():
            if "HTTPValidationError" in str(route["responses"].get("422")):
                del route["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    return schema
