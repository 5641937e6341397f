"""Connections: how many, how long a head may take, and how large it may grow before it is known at all."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from struct import pack
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from headway.wire.stream import TOO_SLOW

MAX_CONNECTIONS = 512  # half of the 1024 descriptors that a process commonly may have
MAX_PENDING_HEAD_BYTES = 64 << 10  # above guards.MAX_HEAD_BYTES, which gives the better answer
HEAD_S = 10.0
STALLED_S = 20.0  # for a socket to take what was sent
FRAMES = "headway.frames"  # our own message to a socket: `frames`, bytes of whole frames
MAX_MESSAGE_BYTES = 4 << 10  # sockets only listen

_WHOLE_TEXT = 0x81
_MAX_SHORT = 125
_MAX_MEDIUM = 0xFFFF


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1, which waits for a head as long as it takes and keeps all of it; this one does not."""

    max_connections = MAX_CONNECTIONS
    head_s = HEAD_S
    _timer: asyncio.TimerHandle | None = None
    _pending_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.timeout_keep_alive_task is not None:  # the first bytes of another request
            self._expect_head()
        super().data_received(data)
        if self._timer is None or self.transport.is_closing():
            return
        self._pending_bytes += len(data)
        if self._pending_bytes > MAX_PENDING_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._forget_timer()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._timer is None:
            self._pending_bytes = 0
            self._timer = self.loop.call_later(self.head_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer without the application, which knows nothing of this request yet."""
        self._forget_timer()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode())
        self.transport.close()


class GuardedSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, which waits for a reader as long as it takes; this one lets go of who does not read."""

    stalled_s = STALLED_S
    _stall_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.stalled_s, self._let_go)

    def resume_writing(self) -> None:
        self._forget_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_stall()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """As ASGI has it, and frames that are encoded already: many in one write, the same for every reader."""
        if message["type"] != FRAMES:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(message["frames"])

    def _forget_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _let_go(self) -> None:
        """Say why, to whom reads on after all, and hold nothing for it much longer."""
        if not self.close_sent:
            self.conn.send_close(TOO_SLOW, "it was not read")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self._stall_timer = self.loop.call_later(self.stalled_s, self.transport.abort)
        self.disconnected = True
        self.writable.set()  # whoever waits to send is told that nobody is there


def frame_text(content: bytes) -> bytes:
    """A text message from a server as one frame (RFC 6455, section 5.2): whole, unmasked, not compressed."""
    size = len(content)
    if size <= _MAX_SHORT:
        return bytes((_WHOLE_TEXT, size)) + content
    if size <= _MAX_MEDIUM:
        return pack("!BBH", _WHOLE_TEXT, _MAX_SHORT + 1, size) + content
    return pack("!BBQ", _WHOLE_TEXT, _MAX_SHORT + 2, size) + content


def uvicorn_limits() -> dict[str, Any]:
    """What a uvicorn.Config must be given for these limits."""
    return {
        "http": GuardedProtocol,
        "ws": GuardedSocket,
        "ws_max_size": MAX_MESSAGE_BYTES,
        "ws_per_message_deflate": False,  # each watcher would cost a compression of every message
        "timeout_keep_alive": 5,
        "proxy_headers": False,
        "server_header": False,
    }
