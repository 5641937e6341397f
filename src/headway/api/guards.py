"""What stands before every route: the secret, and how large and slow a request may be. Plain ASGI."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from itertools import chain

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.api.errors import CLOSING, refuse, to_response
from headway.api.session_sockets import serve_while
from headway.control.sessions import CSRF_HEADER, token_in
from headway.domain.errors import StoreUnavailable
from headway.domain.sessions import is_csrf_token
from headway.wire.jobs import ErrorBody
from headway.wire.stream import BROKEN, SECRET_SUBPROTOCOL, SUBPROTOCOL, UNAUTHORIZED

MAX_BODY_BYTES = 64 << 10
MAX_HEAD_BYTES = 32 << 10  # all headers together
MAX_TARGET_BYTES = 4 << 10  # path and query
BODY_S = 10.0
OPEN_PATHS = frozenset({"/", "/health", "/metrics", "/openapi.json"})
UPLOADS = "/datasets/"  # bodies of PUT below it are streamed to the disk, under a limit of their own
PAGES = "/ui"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET_HEADER = "x-admin-secret"  # noqa: S105  (its name, not the secret)
_SECRET = SECRET_HEADER.encode()


def fingerprint(secret: str) -> str:
    """Whose secret it is, without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def needs_secret(path: str) -> bool:
    """Whether only who has the secret may ask for a path: all but what tells nothing of any run.

    The pages have a gate of their own, which leads to where people sign in.
    """
    return path not in OPEN_PATHS and not path.startswith(PAGES)


class RequireSecret:
    """401 for all but the open pages, and a closed socket for every socket, unless the secret is right.

    A browser that has signed in is known by its cookie; to change anything, a page of ours must have asked for it.
    """

    def __init__(self, app: ASGIApp, *, secret: str, is_known: Callable[[str], bool]) -> None:
        self._app = app
        self._secret = secret
        self._is_known = is_known  # whether a token is that of a session
        # Sockets look one after the other: all that do at the same moment would take a thread each, and its memory.
        self._looking = CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_guarded(scope) or is_authorised(scope, self._secret):
            await self._app(scope, receive, send)
            return
        try:
            has_session = await self._has_session(scope)
        except StoreUnavailable as error:
            if scope["type"] == "websocket":
                await _close(scope, receive, send, BROKEN, "the store does not answer")
            else:
                await refuse(error)(scope, receive, send)
            return
        if has_session:
            await self._serve_session(scope, receive, send)
        elif scope["type"] == "websocket":
            await _close(scope, receive, send, UNAUTHORIZED, "the secret is missing or wrong")
        else:
            await _unauthorised()(scope, receive, send)

    async def _has_session(self, scope: Scope, limiter: CapacityLimiter | None = None) -> bool:
        headers = Headers(scope=scope)
        token = token_in(headers.get("cookie", ""))
        if token is None or not (_only_reads(scope) or is_csrf_token(headers.get(CSRF_HEADER, ""), token)):
            return False
        return await run_sync(self._is_known, token, limiter=limiter)

    async def _serve_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            look = partial(self._has_session, scope, self._looking)
            await serve_while(look, self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def is_authorised(scope: Scope, secret: str) -> bool:
    """Whether a request or socket carries the secret; compared in constant time."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _SECRET), None)
    if given is None and scope["type"] == "websocket":
        given = _secret_of_subprotocols(scope)
    return hmac.compare_digest((given or "").encode("latin-1", "replace"), secret.encode())


def choose_subprotocol(scope: Scope) -> str | None:
    """What to answer to a socket: our name where it was offered, never the secret beside it."""
    offered: list[str] = scope.get("subprotocols", [])
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _is_guarded(scope: Scope) -> bool:
    return scope["type"] == "websocket" or (scope["type"] == "http" and needs_secret(scope["path"]))


def _only_reads(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] in _READING


def _secret_of_subprotocols(scope: Scope) -> str | None:
    """Pages of a browser cannot send headers with a socket: they offer the secret as a subprotocol."""
    offered = (name for name in scope.get("subprotocols", ()) if name.startswith(SECRET_SUBPROTOCOL))
    text = next(offered, SECRET_SUBPROTOCOL).removeprefix(SECRET_SUBPROTOCOL)
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return None


def _unauthorised() -> Response:
    body = ErrorBody(
        error="unauthorized",
        message=f"the header {SECRET_HEADER} is missing or wrong",
        remedy="Send the server's ADMIN_SECRET",
    )
    return to_response(body, 401, CLOSING)


async def _close(scope: Scope, receive: Receive, send: Send, code: int, reason: str) -> None:
    """Accept first: a browser tells its page the code of a socket that was open, and nothing of one that was not."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": choose_subprotocol(scope)})
    await send({"type": "websocket.close", "code": code, "reason": reason})


class LimitHead:
    """414 for an address and 431 for headers that are longer than any request needs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _target_bytes(scope) > MAX_TARGET_BYTES:
            await _too_large("path and query are", MAX_TARGET_BYTES, 414)(scope, receive, send)
        elif scope["type"] == "http" and _head_bytes(scope) > MAX_HEAD_BYTES:
            await _too_large("the headers are", MAX_HEAD_BYTES, 431)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class LimitBody:
    """413 for a body that is larger than any request can be, also when it does not say how long it is.

    408 for one that has not come whole after `patience_s` seconds.
    """

    def __init__(self, app: ASGIApp, *, patience_s: float = BODY_S) -> None:
        self._app = app
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_upload(scope):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._patience_s):
                body, more = await _read(receive)
        except TimeoutError:
            await _too_slow(self._patience_s)(scope, receive, send)
            return
        if body is None:
            await _too_large("the body is", MAX_BODY_BYTES, 413)(scope, receive, send)
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


def _is_upload(scope: Scope) -> bool:
    return scope.get("method") == "PUT" and str(scope["path"]).startswith(UPLOADS)


def _target_bytes(scope: Scope) -> int:
    return len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])


def _head_bytes(scope: Scope) -> int:
    return sum(map(len, chain.from_iterable(scope["headers"])))


def _too_large(what: str, limit_bytes: int, status: int) -> Response:
    message = f"{what} larger than {limit_bytes >> 10} KiB"
    body = ErrorBody(error="too_large", message=message, bound=f"at most {limit_bytes} bytes")
    return to_response(body, status, CLOSING)


def _too_slow(patience_s: float) -> Response:
    message = f"the body did not come within {patience_s:g} seconds"
    return to_response(ErrorBody(error="too_slow", message=message), 408, CLOSING)
