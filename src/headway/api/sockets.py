"""WS `/runs/{id}/stream`: a first picture or what follows a cursor, then all that comes, until the run has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from anyio.to_thread import run_sync
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from headway.api.connections import FRAMES
from headway.api.frames import encode_snapshot
from headway.api.guards import choose_subprotocol
from headway.api.hub import Hubs
from headway.api.service import Service
from headway.api.watcher import SendFrames, follow
from headway.control.cursor import Cursor
from headway.control.live import begin_now
from headway.control.query import get_view
from headway.domain.errors import InvalidInput, NotFound, StoreUnavailable
from headway.wire import stream

START = "start"
_SNAPSHOT_LINES = 200
_MAX_REASON_BYTES = 120  # of a close frame


def make_stream_route(service: Service) -> WebSocketRoute:
    """The socket of a run. Whoever comes here is known to the guards."""
    return WebSocketRoute("/runs/{run_id}/stream", RunStream(service), name="stream")


class RunStream:
    """Accepts a socket, tells it all, and closes it with a code that says why."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._hubs = Hubs(service.context, service.closing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept(choose_subprotocol(scope))

        def send_frames(frames: bytes) -> Awaitable[None]:
            return send({"type": FRAMES, "frames": frames})

        telling = asyncio.create_task(self._tell(socket, send_frames))
        hearing = asyncio.create_task(_hear_out(socket))
        try:
            await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also when the session of the socket has ended
            for task in (telling, hearing):
                task.cancel()
            told, _ = await asyncio.gather(telling, hearing, return_exceptions=True)
        if isinstance(told, Exception) and not isinstance(told, WebSocketDisconnect | OSError):
            raise told

    async def _tell(self, socket: WebSocket, send: SendFrames) -> None:
        try:
            code, why = await self._follow(socket, send)
        except (NotFound, InvalidInput) as error:
            code, why = stream.REFUSED, str(error)
        except StoreUnavailable as error:
            code, why = stream.BROKEN, str(error)
        await socket.close(code, why.encode()[:_MAX_REASON_BYTES].decode("utf-8", "ignore"))

    async def _follow(self, socket: WebSocket, send: SendFrames) -> tuple[int, str]:
        """The code and the reason to close with."""
        context, run_id = self._service.context, str(socket.path_params["run_id"])
        after = socket.query_params.get("after")
        readers = self._hubs.readers
        await run_sync(get_view, context, run_id, limiter=readers)

        if after is None:
            snapshot, cursor = await run_sync(self._begin, run_id, limiter=readers)
            await send(snapshot)
        else:
            cursor = Cursor() if after == START else Cursor.decode(after)
        async with self._hubs.join(run_id) as hub:
            if await follow(hub, cursor, send):
                return stream.DONE, "the run has ended"
        if self._service.closing.closed:
            return stream.GOING_AWAY, "the server ends; go on with the newest cursor"
        return stream.BROKEN, "the server cannot read on; its log says why"

    def _begin(self, run_id: str) -> tuple[bytes, Cursor]:
        """How the run stands, and the cursor of a watcher that has seen no checkpoint yet."""
        run, now = begin_now(self._service.context, run_id, console_lines=_SNAPSHOT_LINES)
        cursor = now.without_checkpoints()
        return encode_snapshot(run, cursor), cursor


async def _hear_out(socket: WebSocket) -> None:
    """Until the client goes; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
