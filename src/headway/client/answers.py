"""What the server's answers mean: documents, errors, and the news of a stream."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from headway.client.errors import ApiError
from headway.client.sse import COMMENT, Frame
from headway.domain.json import JsonObject

Body: TypeAlias = dict[str, Any]  # a JSON document, as the server sent it

PROGRESS = "progress"
END = "end"
NOT_A_STREAM = "not_a_stream"
UNEXPECTED = "unexpected_answer"

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class News:
    """One thing told about a job: a kept event (with `seq`), or a transient `progress` or `end` (without)."""

    kind: str
    data: Body
    seq: int | None = None
    at: str | None = None
    attempt: int | None = None

    def to_json(self) -> JsonObject:
        """As a line for programs; what is transient has no seq, at or attempt."""
        if self.seq is None:
            return {"kind": self.kind, "data": self.data}
        return {
            "seq": self.seq,
            "kind": self.kind,
            "at": self.at,
            "attempt": self.attempt,
            "data": self.data,
        }


@dataclass(frozen=True)
class LogPiece:
    """A stretch of the console log and the offset in bytes to go on from."""

    content: bytes
    next_offset: int


def document_of(answer: httpx.Response) -> Body:
    """The JSON object of an answer; ApiError when it is none."""
    found = _find_object(answer.content)
    if found is None:
        raise _unexpected(answer.status_code, answer.text)
    return found


def job_of(answer: Body) -> Body:
    """The job in the answer of a status; ApiError when there is none."""
    job = answer.get("job")
    if not isinstance(job, dict) or "state" not in job:
        raise _unexpected(httpx.codes.OK, json.dumps(answer))
    return job


def error_of(answer: httpx.Response) -> ApiError:
    """The error that an answer stands for, also when something else than Headway sent it."""
    body = _find_object(answer.content) or {}
    code = body.get("error")
    if not isinstance(code, str):
        return _unexpected(answer.status_code, answer.text)
    return ApiError(answer.status_code, code, str(body.get("message") or code), body)


def news_of(frame: Frame) -> News | None:
    """The news of a frame; None for a comment, which keeps the connection alive."""
    if frame.kind == COMMENT:
        return None
    found = _find_object(frame.text.encode())
    if found is None:
        raise _unexpected(httpx.codes.OK, frame.text)
    if frame.id is None:
        return News(frame.kind, found)
    try:
        return News(frame.kind, dict(found["data"]), int(found["seq"]), found["at"], found["attempt"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unexpected(httpx.codes.OK, frame.text) from error


def require_stream(answer: httpx.Response) -> None:
    """ApiError unless the answer is a stream of events; `answer` may be unread."""
    if not answer.is_success:
        answer.read()
        raise error_of(answer)
    kind = answer.headers.get("Content-Type", "no type")
    if not kind.startswith("text/event-stream"):
        text = f"expected a stream of events, got {kind}"
        raise ApiError(answer.status_code, NOT_A_STREAM, text, {})


def piece_of(answer: httpx.Response, offset: int) -> LogPiece:
    """The stretch of log in an answer; `offset` is where it begins when the answer does not say where it ends."""
    told = answer.headers.get("X-Next-Offset", "")
    return LogPiece(answer.content, int(told) if told.isdigit() else offset + len(answer.content))


def _find_object(content: bytes) -> Body | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _unexpected(status: int, text: str) -> ApiError:
    shown = " ".join(text.split())[:_SHOWN_CHARACTERS]
    said = f"answered {status} with {shown!r}" if shown else f"answered {status} with nothing"
    remedy = "Check that TRAIN_API_HOST names a Headway server"
    return ApiError(status, UNEXPECTED, f"{said}, which Headway does not say", {"remedy": remedy})
