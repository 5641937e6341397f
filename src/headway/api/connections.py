"""Connections: how many, how long a head may take, and how large it may grow before it is known at all."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_CONNECTIONS = 512  # half of the 1024 descriptors that a process commonly may have
MAX_PENDING_HEAD_BYTES = 64 << 10  # above guards.MAX_HEAD_BYTES, which gives the better answer
HEAD_S = 10.0


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


def uvicorn_limits() -> dict[str, Any]:
    """What a uvicorn.Config must be given for these limits."""
    return {"http": GuardedProtocol, "timeout_keep_alive": 5, "proxy_headers": False, "server_header": False}
