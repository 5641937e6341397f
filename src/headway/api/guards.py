"""What stands before every route: the secret, and the size of a body. Plain ASGI: neither needs the body parsed."""

from __future__ import annotations

import hashlib
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.api.errors import to_response
from headway.wire.jobs import ErrorBody

MAX_BODY_BYTES = 64 << 10
SECRET_HEADER = "x-admin-secret"  # noqa: S105  (its name, not the secret)


def fingerprint(secret: str) -> str:
    """Whose secret it is, without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


class RequireSecret:
    """401 for all below `/api` unless the secret is right; compared in constant time."""

    def __init__(self, app: ASGIApp, *, secret: str) -> None:
        self._app = app
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api") or self._is_right(scope):
            await self._app(scope, receive, send)
            return
        body = ErrorBody(
            error="unauthorized",
            message=f"the header {SECRET_HEADER} is missing or wrong",
            remedy="Send the server's ADMIN_SECRET",
        )
        await to_response(body, 401)(scope, receive, send)

    def _is_right(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get(SECRET_HEADER, "")
        return hmac.compare_digest(given.encode("latin-1", "replace"), self._secret)


class LimitBody:
    """413 for a body that is larger than any request can be, also when it does not say how long it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = await _read(receive)
        if body is None:
            await to_response(_too_large(), 413)(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive, more=more), send)


class _Replay:
    """Gives a body that was read once more, then what else comes."""

    def __init__(self, body: bytes, receive: Receive, *, more: bool) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._more = more

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": self._more}


async def _read(receive: Receive) -> tuple[bytes | None, bool]:
    """The body, None when it is too large; and whether the client went away before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body, True
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None, False
        if not message.get("more_body", False):
            return body, False


def _too_large() -> ErrorBody:
    return ErrorBody(
        error="too_large",
        message=f"the body is larger than {MAX_BODY_BYTES >> 10} KiB",
        bound=f"at most {MAX_BODY_BYTES} bytes",
    )
