"""The OpenAPI document: FastAPI's, with what stands before every route added and what never happens left out."""

from __future__ import annotations

from typing import Any

from headway.api.guards import SECRET_HEADER, needs_secret

Document = dict[str, Any]

_SCHEME = "adminSecret"
_NOT_TOLD = ("HTTPValidationError", "ValidationError")  # such errors are answered otherwise, see errors.py


def complete(document: Document) -> Document:
    """The document of this application, changed in place."""
    for path, routes in document["paths"].items():
        for route in routes.values():
            _complete_route(route, secured=needs_secret(path))
    for name in _NOT_TOLD:
        document["components"]["schemas"].pop(name, None)
    document["components"]["securitySchemes"] = {
        _SCHEME: {"type": "apiKey", "in": "header", "name": SECRET_HEADER}
    }
    return document


def _complete_route(route: Document, *, secured: bool) -> None:
    if "HTTPValidationError" in str(route["responses"].get("422")):
        del route["responses"]["422"]
    if secured:
        route["security"] = [{_SCHEME: []}]
