"""Connections of a real socket: heads that do not come, that do not end, and one connection too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from headway.api.connections import MAX_PENDING_HEAD_BYTES, GuardedProtocol

_GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n"

Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Opened]]


class _Hasty(GuardedProtocol):
    max_connections = 2
    head_s = 0.3


class _Patient(GuardedProtocol):
    max_connections = 2
    head_s = 60.0


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def _serving(kind: type[GuardedProtocol]) -> AsyncIterator[Open]:
    config, state = Config(_app, log_config=None, http=kind), ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: kind(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opened: list[asyncio.StreamWriter] = []

    async def connect() -> Opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in opened:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        server.close()
        await server.wait_closed()


async def _say(opened: Opened, *pieces: bytes) -> bytes:
    """All that is answered until the server closes the connection."""
    reader, writer = opened
    for piece in pieces:
        writer.write(piece)
    return await asyncio.wait_for(reader.read(), 10)


def test_a_head_that_does_not_come_whole_ends_the_connection() -> None:
    async def talk() -> list[bytes]:
        async with _serving(_Hasty) as connect:
            return [await _say(await connect(), piece) for piece in (b"", b"GET", _GET, _GET + b"x: y\r\n")]

    for answer in asyncio.run(talk()):
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_second_request_is_waited_for_no_longer_than_the_first() -> None:
    async def talk(piece: bytes) -> bytes:
        async with _serving(_Hasty) as connect:
            reader, writer = await connect()
            writer.write(_GET + b"\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
            return await _say((reader, writer), piece)

    for piece in (b"GET", b"\r\n"):
        assert asyncio.run(talk(piece)).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_does_not_end_is_not_kept() -> None:
    piece = b"y" * 4096

    async def talk() -> bytes:
        async with _serving(_Patient) as connect:
            reader, writer = await connect()
            writer.write(_GET + b"x-more: ")
            for _ in range(MAX_PENDING_HEAD_BYTES // len(piece) + 1):
                writer.write(piece)
            return await asyncio.wait_for(reader.readline(), 10)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 431 ")


def test_one_connection_too_many_is_told_so_and_a_closed_one_makes_room() -> None:
    async def talk() -> tuple[bytes, bytes]:
        async with _serving(_Patient) as connect:
            first, second = await connect(), await connect()
            refused = await _say(await connect(), b"")
            ended = await _say(first, _GET + b"connection: close\r\n\r\n")
            second[1].write(_GET + b"\r\n")
            assert await second[0].readline() == b"HTTP/1.1 200 OK\r\n"
            accepted = await _say(await connect(), _GET + b"connection: close\r\n\r\n")
            assert ended.startswith(b"HTTP/1.1 200 ")
            return refused, accepted

    refused, accepted = asyncio.run(talk())
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert accepted.startswith(b"HTTP/1.1 200 ")
