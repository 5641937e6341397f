"""HEAD on whatever has a GET: the same status and headers, and no body. Plain ASGI."""

from __future__ import annotations

from asyncio import Event

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnswerHead:
    """Asks for the GET of a resource, and leaves as soon as its body begins: it may have no end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        visit = _Visit(receive, send)
        await self._app({**scope, "method": "GET"}, visit.receive, visit.send)


class _Visit:
    """A client who reads the beginning of an answer, and goes away where its body would begin."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._has_asked = False
        self._has_seen = Event()

    async def receive(self) -> Message:
        if self._has_asked:
            await self._has_seen.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._has_asked = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
        elif not self._has_seen.is_set():
            self._has_seen.set()
            await self._send({"type": "http.response.body", "body": b""})
