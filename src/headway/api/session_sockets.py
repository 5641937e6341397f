"""A socket that a session opened ends with that session. Plain ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.domain.errors import StoreUnavailable
from headway.wire.stream import UNAUTHORIZED

LOOK_EVERY_S = 3.0
"""How long a browser that was signed out may go on listening, at most. A look is one read of the store."""

IsKnown = Callable[[], Awaitable[bool]]

_log = structlog.get_logger("headway.sockets")


async def serve_while(is_known: IsKnown, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a socket until it ends by itself, or nobody knows its session any more: then 4401."""
    serving = asyncio.ensure_future(app(scope, receive, send))
    try:
        while not serving.done():
            await asyncio.wait({serving}, timeout=LOOK_EVERY_S)
            if not serving.done() and not await _knows(is_known):
                await _stop(serving)
                await _close(send)
                return
    finally:
        await _stop(serving)
    serving.result()


async def _knows(is_known: IsKnown) -> bool:
    """A store that does not answer proves nothing: the next look tells."""
    try:
        return await is_known()
    except StoreUnavailable as error:
        _log.warning("cannot look whether a session is there, trying again", error=str(error))
        return True


async def _stop(serving: asyncio.Future[None]) -> None:
    serving.cancel()
    await asyncio.wait({serving})


async def _close(send: Send) -> None:
    try:
        await send({"type": "websocket.close", "code": UNAUTHORIZED, "reason": "the session has ended"})
    except OSError:  # the client has gone
        return
