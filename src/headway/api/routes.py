"""Routes as FastAPI declares and documents them, run by a handler of their own.

FastAPI's works out anew, at each request, what a signature asks for, and prepares for dependencies and uploads, of
which there are none here. That took more time than all else of a request together. This one works it out once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache, partial
from inspect import iscoroutinefunction
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

_ABSENT = object()
_Errors = list[Any]


def make_router(prefix: str = "", *, tag: str) -> APIRouter:
    """A router whose routes return responses, and ask for parameters, and for at most one body, of JSON."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=DirectRoute)


class DirectRoute(APIRoute):
    """Reads what the endpoint asks for, calls it and sends the response that it returns."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        asked = self.dependant
        fields: tuple[Any, ...] = (*asked.path_params, *asked.query_params, *asked.header_params)
        self._parameters = [_Parameter(field, field.field_info.in_.value, field.alias) for field in fields]
        self._body = _Body(self.body_field) if self.body_field else None
        self._is_async = iscoroutinefunction(self.endpoint)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        values = await self._read(request)
        if self._is_async:
            response = await self.endpoint(**values)
        else:
            response = await run_sync(partial(self.endpoint, **values))
        await response(scope, receive, send)

    async def _read(self, request: Request) -> dict[str, Any]:
        """The arguments of the endpoint. Raises RequestValidationError with all that is wrong with them."""
        places: dict[str, Mapping[str, Any]] = {
            "path": request.path_params,
            "query": request.query_params if request.scope["query_string"] else {},
            "header": request.headers,
        }
        values: dict[str, Any] = {}
        errors: _Errors = []
        sent = await self._body.load(request) if self._body else None
        for parameter in self._parameters:
            values[parameter.field.name] = parameter.read(places[parameter.place], errors)
        if self._body:
            values[self._body.field.name] = _validate(self._body.field, sent, ("body",), errors)
        if errors:
            raise RequestValidationError(errors)
        return values


@dataclass(frozen=True)
class _Parameter:
    field: Any  # FastAPI's ModelField
    place: str  # path, query, header
    alias: str

    def read(self, given: Mapping[str, Any], errors: _Errors) -> Any:
        return _validate(self.field, given.get(self.alias, _ABSENT), (self.place, self.alias), errors)


@dataclass(frozen=True)
class _Body:
    field: Any

    async def load(self, request: Request) -> Any:
        """The JSON that was sent; bytes when they are not said to be JSON."""
        try:
            raw = await request.body()
            if not raw:
                return _ABSENT
            return _parse(raw) if _is_json(request.headers.get("content-type", "")) else raw
        except json.JSONDecodeError as error:
            raise RequestValidationError([_describe_broken(error)]) from error
        except (ClientDisconnect, RecursionError, ValueError) as error:
            raise HTTPException(400, "There was an error parsing the body") from error


def _validate(field: Any, value: Any, place: tuple[str, ...], errors: _Errors) -> Any:
    if value is _ABSENT:
        if field.field_info.is_required():
            errors.append({"type": "missing", "loc": place, "msg": "Field required", "input": None})
        return field.default
    found, wrong = field.validate(value, loc=place)
    errors += wrong
    return found


def _parse(raw: bytes) -> Any:
    """As `json.loads`, which is slower, and is asked where the other refuses: it takes more, and says what is wrong."""
    try:
        return from_json(raw)
    except ValueError:
        return json.loads(raw)


def _describe_broken(error: json.JSONDecodeError) -> dict[str, Any]:
    """As FastAPI words it."""
    return {
        "type": "json_invalid",
        "loc": ("body", error.pos),
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": error.msg},
    }


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    is_application = message.get_content_maintype() == "application"
    return is_application and (subtype == "json" or subtype.endswith("+json"))
