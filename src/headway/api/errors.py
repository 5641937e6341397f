"""Errors to answers: one table, total over the error tree (a test holds that)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from headway.domain import errors
from headway.domain.errors import HeadwayError
from headway.wire.jobs import ErrorBody

_log = structlog.get_logger("headway.api")

_MAX_SHOWN = 200
_MAX_ALSO = 50
CLOSING = {"Connection": "close"}


@dataclass(frozen=True)
class Answer:
    """The status and the stable code of an error; the code of a failed preflight is its reason."""

    status: int
    code: str


ANSWERS: dict[type[HeadwayError], Answer] = {
    errors.InvalidInput: Answer(400, "invalid_input"),
    errors.Unauthorized: Answer(401, "unauthorized"),
    errors.Forbidden: Answer(403, "forbidden"),
    errors.NotFound: Answer(404, "not_found"),
    errors.NotReady: Answer(409, "not_ready"),
    errors.AlreadyEnded: Answer(409, "already_ended"),
    errors.NotResumable: Answer(409, "not_resumable"),
    errors.Busy: Answer(409, "busy"),
    errors.IdempotencyConflict: Answer(409, "idempotency_conflict"),
    errors.StaleAttempt: Answer(409, "conflict"),
    errors.Conflict: Answer(409, "conflict"),
    errors.PreflightFailed: Answer(422, "preflight_rejected"),
    errors.DataError: Answer(422, "data_unavailable"),
    errors.TooLarge: Answer(413, "too_large"),
    errors.RateLimited: Answer(429, "rate_limited"),
    errors.StoreUnavailable: Answer(503, "unavailable"),
    errors.IllegalTransition: Answer(500, "internal_error"),
    errors.CorruptRunFile: Answer(500, "internal_error"),
    errors.HeadwayError: Answer(500, "internal_error"),
}
_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def answer_of(error: HeadwayError) -> Answer:
    """Status and code of an error."""
    found = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    return Answer(found.status, error.reason) if isinstance(error, errors.PreflightFailed) else found


def install_errors(app: FastAPI) -> None:
    """Have every error leave the application as an ErrorBody."""
    app.add_exception_handler(HeadwayError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unexpected)


def to_response(body: ErrorBody, status: int, headers: Mapping[str, str] | None = None) -> Response:
    content = body.model_dump(by_alias=True, exclude_none=True)
    return JSONResponse(_encodable(content), status, dict(headers or {}))


def refuse(error: HeadwayError) -> Response:
    """The answer to a request that goes no further. Its body may not have come, so the connection ends with it."""
    return to_response(describe(error), answer_of(error).status, CLOSING)


def describe(error: HeadwayError) -> ErrorBody:
    """The body of an error: what was wrong and what to do."""
    fields: dict[str, Any] = {"error": answer_of(error).code, "message": str(error)}
    refused = error.misfit if isinstance(error, errors.PreflightFailed) else error
    if isinstance(refused, errors.InvalidInput):
        fields |= {
            "field": refused.field,
            "value": presentable(refused.value),
            "bound": refused.bound,
            "remedy": refused.remedy or None,
            "also": [describe(other) for other in refused.others[:_MAX_ALSO]] or None,
        }
    if isinstance(error, errors.NotReady | errors.AlreadyEnded | errors.NotResumable):
        fields["state"] = error.state
    if isinstance(error, errors.Busy | errors.IdempotencyConflict):
        fields["job_id"] = error.run_id
    if isinstance(error, errors.RateLimited):
        fields["retry_after_seconds"] = error.retry_after_s
    return ErrorBody(**fields)


def presentable(value: object) -> object:
    """A value that was sent, as far as it can be sent back: short, and without NaN."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _encodable(value: Any) -> Any:
    """JSON can spell halves of characters, UTF-8 cannot: they are sent back as they were spelt."""
    if isinstance(value, dict):
        return {name: _encodable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_encodable(part) for part in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


async def _answer_ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, HeadwayError):
        raise error
    answer = answer_of(error)
    if answer.status >= 500:
        _log.error("request failed", path=request.url.path, error=str(error))
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, errors.RateLimited) else {}
    return to_response(describe(error), answer.status, headers)


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first, *others = map(_describe_invalid, error.errors()[: 1 + _MAX_ALSO])
    return to_response(first.model_copy(update={"also": others or None}), 400)


def _describe_invalid(first: ErrorDetails | dict[str, Any]) -> ErrorBody:
    """A thing that does not fit, in the words of the other errors."""
    place = [str(part) for part in first["loc"]]
    field = ".".join(place[1:]) or place[0]
    value = presentable(first.get("input"))
    broken = first["type"] == "json_invalid"
    bound = f"valid JSON: {first.get('ctx', {}).get('error', first['msg'])}" if broken else str(first["msg"])
    if first["type"] == "extra_forbidden":
        bound = "unknown field"
    if first["type"] == "unknown_field":
        field, value = f"{field}.{first['ctx']['field']}".removeprefix("body."), None
    found = describe(errors.InvalidInput("body" if broken else field, value, bound))
    return (
        found.model_copy(update={"value": None, "message": f"the body is not {bound}"}) if broken else found
    )


async def _answer_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = _OF_STATUS.get(error.status_code, "invalid_input")
    return to_response(ErrorBody(error=code, message=str(error.detail)), error.status_code, error.headers)


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    _log.error("request failed", path=request.url.path, exc_info=error)
    message = "something went wrong in the server; its log says what"
    return to_response(ErrorBody(error="internal_error", message=message), 500)
